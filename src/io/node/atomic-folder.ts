/**
 * Making a whole folder as one step.
 */
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { FileSystem, FileWriter, PlacedFile, Writer } from '../file-system.js';
import { plainName } from '../plain-name.js';
import { attempt } from './attempt.js';
import { copyTo, syncFolder, temporaryBeside } from './durable.js';
import { createFile, createWith } from './file-writer.js';
import { placeFile } from './placed-file.js';
import { statFile } from './read.js';

/** Refuses a target that would be overwritten. */
const checkTarget = async (out: string): Promise<Result<void>> => {
  const found = await statFile(out);
  if (E.isLeft(found)) return found;
  const { kind } = found.right;
  if (kind === 'missing') return E.right(undefined);
  if (kind !== 'folder') return fail(out, 'a new or an empty folder', `a ${kind}`, 'choose another name');
  const names = await attempt(out, 'a readable folder', () => readdir(out));
  if (E.isLeft(names)) return names;
  const hint = 'choose a new name, or remove the folder first';
  return names.right.length === 0
    ? E.right(undefined)
    : fail(out, 'a new or an empty folder', `${names.right.length} files in it`, hint);
};

/** What is left to do with a file that was opened. */
type Closing = Pick<FileWriter | PlacedFile, 'close'>;

/** A writer into a folder, and a way to close all the files that it opened. */
const writerInto = (
  top: string,
  durable: boolean,
): { readonly writer: Writer; readonly closeAll: () => Promise<Result<void>> } => {
  const open: Closing[] = [];
  return { writer: writerFor(top, open, durable), closeAll: () => closeEach(open) };
};

const writerFor = (folder: string, open: Closing[], durable: boolean): Writer => {
  const inside = (name: string): Result<string> =>
    E.map((plain: string) => join(folder, plain))(plainName(name, folder));
  const opened = async <F extends FileWriter | PlacedFile>(
    name: string,
    make: (path: string, durable: boolean) => Promise<Result<F>>,
  ): Promise<Result<F>> => {
    const path = inside(name);
    const file = E.isLeft(path) ? path : await make(path.right, durable);
    if (E.isRight(file)) open.push(file.right);
    return file;
  };
  return {
    create: (name) => opened(name, createFile),
    place: (name) => opened(name, placeFile),
    writeFile: async (name, content) => {
      const path = inside(name);
      return E.isLeft(path) ? path : createWith(path.right, content, durable);
    },
    copyFile: async (from, name) => {
      const path = inside(name);
      return E.isLeft(path) ? path : copyTo(from, path.right, durable);
    },
    folder: async (name) => {
      const path = inside(name);
      if (E.isLeft(path)) return path;
      const made = await attempt(path.right, 'a folder that can be made', () => mkdir(path.right));
      if (E.isLeft(made)) return made;
      if (durable) open.push({ close: async () => (await syncFolder(path.right), E.right(0)) });
      return E.right(writerFor(path.right, open, durable));
    },
  };
};

/** The last ones first: a folder is synced when the files in it are closed. */
const closeEach = async (open: ReadonlyArray<Closing>): Promise<Result<void>> => {
  let result: Result<void> = E.right(undefined);
  for (const file of open.toReversed()) {
    const closed = await file.close();
    if (E.isLeft(closed) && E.isRight(result)) result = closed;
  }
  return result;
};

/** Removes the temporary folder, and the parents that were made for it as far as they are empty. */
const removeTraces = async (temporary: string, firstMade: string | undefined): Promise<void> => {
  await rm(temporary, { recursive: true, force: true });
  if (firstMade === undefined) return;
  for (let at = dirname(temporary); at.length >= firstMade.length; at = dirname(at)) {
    const removed = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
};

/** Makes the files' names durable and gives the folder its own. */
const publish = (temporary: string, out: string, durable: boolean): Promise<Result<void>> =>
  attempt(out, 'a new or an empty folder', async () => {
    if (durable) await syncFolder(temporary);
    // Only POSIX renames onto an empty folder.
    if (process.platform === 'win32') await rmdir(out).catch(() => undefined);
    await rename(temporary, out);
    if (durable) await syncFolder(dirname(out));
  });

/** See `FileSystem.writeFolderAtomic`. */
export const writeFolderAtomic: FileSystem['writeFolderAtomic'] = async (target, write, durable = true) => {
  const out = resolve(target);
  const free = await checkTarget(out);
  if (E.isLeft(free)) return free;
  const parents = await attempt(out, 'a parent folder that can be made', () =>
    mkdir(dirname(out), { recursive: true }),
  );
  if (E.isLeft(parents)) return parents;
  const temporary = temporaryBeside(out);
  const { writer, closeAll } = writerInto(temporary, durable);
  let published = false;
  try {
    const made = await attempt(out, 'a folder that can be made', () => mkdir(temporary));
    if (E.isLeft(made)) return made;
    const result = await write(writer);
    const closed = await closeAll();
    if (E.isLeft(result)) return result;
    if (E.isLeft(closed)) return closed;
    const done = await publish(temporary, out, durable);
    if (E.isLeft(done)) return done;
    published = true;
    return result;
  } finally {
    if (!published) {
      await closeAll();
      await removeTraces(temporary, parents.right);
    }
  }
};

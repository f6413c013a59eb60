import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { E } from '../../../src/fp.js';
import * as browser from '../../../src/io/browser/fs.js';
import type { FileSystem, Writer } from '../../../src/io/file-system.js';
import * as node from '../../../src/io/node/fs.js';
import { fail } from '../../../src/problem.js';
import { temporaryFolder, tree } from '../folder.js';
import { problemsOf, valueOf } from '../result.js';

// Both sides of the border have the same functions.
const sides: ReadonlyArray<FileSystem> = [node, browser];

const windows = process.platform === 'win32';

describe('#fs', () => {
  it('offers the same names in Node and in browsers', () => {
    const [a, b] = sides.map((side) => Object.keys(side).toSorted());
    expect(a).toEqual(b);
  });
  it('says in browsers that paths need Node, and has no threads', async () => {
    const { openLanes, ...files } = browser;
    expect(valueOf(await openLanes(2, false))).toBeUndefined();
    type Fails = (path: string) => ReturnType<typeof fail> | Promise<ReturnType<typeof fail>>;
    for (const f of Object.values(files) as unknown as ReadonlyArray<Fails>) {
      expect(problemsOf(await f('models/x'))[0]).toContain(
        'models/x: expected a file system, found a browser. paths need Node',
      );
    }
  });
});

describe('openFile', () => {
  it('reads ranges in any order', async () => {
    const path = join(temporaryFolder(), 'a');
    writeFileSync(path, Uint8Array.of(0, 1, 2, 3, 4));
    const source = valueOf(await node.openFile(path));
    expect(source.size).toBe(5);
    expect(Array.from(valueOf(await source.read(3, 2)))).toEqual([3, 4]);
    expect(Array.from(valueOf(await source.read(0, 1)))).toEqual([0]);
    expect(valueOf(await source.read(5, 0))).toHaveLength(0);
    const room = new Uint8Array(4);
    expect(valueOf(await source.read(1, 2, room.subarray(1, 3)))).toEqual(Uint8Array.of(1, 2));
    expect(Array.from(room)).toEqual([0, 1, 2, 0]);
    await source.close();
    await source.close();
  });
  it('refuses ranges outside of the file before it allocates', async () => {
    const path = join(temporaryFolder(), 'a');
    writeFileSync(path, 'abc');
    const source = valueOf(await node.openFile(path));
    for (const [offset, length] of [
      [2, 2],
      [0, 2 ** 52],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [NaN, 1],
    ] as const) {
      expect(problemsOf(await source.read(offset, length))[0]).toContain('a range inside of 3 bytes');
    }
    await expect(source.read(0, 2, new Uint8Array(3))).rejects.toThrow(RangeError);
    await source.close();
  });
  it('tells when the file became shorter', async () => {
    const path = join(temporaryFolder(), 'a');
    writeFileSync(path, 'abcdef');
    const source = valueOf(await node.openFile(path));
    writeFileSync(path, 'abc');
    expect(problemsOf(await source.read(0, 6))[0]).toContain('became shorter');
    await source.close();
  });
  it('refuses what is missing and what is no file', async () => {
    const folder = temporaryFolder();
    expect(problemsOf(await node.openFile(join(folder, 'a')))[0]).toContain('ENOENT');
    expect(problemsOf(await node.openFile(folder))[0]).toContain('found a folder');
  });
  it.skipIf(windows)('does not wait for a pipe', async () => {
    const pipe = join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(problemsOf(await node.openFile(pipe))[0]).toContain('something else');
    expect(problemsOf(await node.readText(pipe))[0]).toContain('expected a file');
  });
});

describe('readText, statFile, listFolder', () => {
  it('reads UTF-8 and refuses anything else', async () => {
    const path = join(temporaryFolder(), 'a');
    writeFileSync(path, 'gr\u00fc\u00df');
    expect(valueOf(await node.readText(path))).toBe('gr\u00fc\u00df');
    expect(problemsOf(await node.readText(path, 5))[0]).toContain('at most 5 bytes');
    writeFileSync(path, Uint8Array.of(0xff));
    expect(problemsOf(await node.readText(path))[0]).toContain('UTF-8');
    expect(problemsOf(await node.readText(`${path}.txt`))[0]).toContain('nothing there');
  });
  it('tells files, folders and nothing', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'b'), 'xyz');
    writeFileSync(join(folder, 'a'), '');
    expect(valueOf(await node.statFile(folder))).toEqual({ kind: 'folder', size: 0 });
    expect(valueOf(await node.statFile(join(folder, 'b')))).toEqual({ kind: 'file', size: 3 });
    expect(valueOf(await node.statFile(join(folder, 'c')))).toEqual({ kind: 'missing', size: 0 });
    expect(valueOf(await node.statFile(join(folder, 'b', 'c')))).toEqual({ kind: 'missing', size: 0 });
    expect(valueOf(await node.listFolder(folder))).toEqual(['a', 'b']);
    expect(problemsOf(await node.listFolder(join(folder, 'c')))[0]).toContain('ENOENT');
  });
});

describe('pathInside', () => {
  it.each(['', '.', '..', 'a/b', '../a', '/a', 'a\\b', 'C:a', 'a:b', 'a\u0000'])(
    'refuses the name %j',
    async (name) => {
      expect(problemsOf(await node.pathInside(temporaryFolder(), name))[0]).toContain('a plain file name');
    },
  );
  it('gives the path of a plain name, whether or not it exists', async () => {
    const folder = temporaryFolder();
    expect(valueOf(await node.pathInside(folder, 'a..b'))).toBe(join(folder, 'a..b'));
  });
  it.skipIf(windows)('follows links that stay in the folder and no others', async () => {
    const folder = join(temporaryFolder(), 'model');
    mkdirSync(folder);
    const outside = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    writeFileSync(join(outside, 'secret'), '');
    symlinkSync('file', join(folder, 'inner'));
    symlinkSync(join(outside, 'secret'), join(folder, 'outer'));
    symlinkSync(outside, join(folder, 'up'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    // A neighbour whose name begins like the folder's is outside too.
    mkdirSync(`${folder}2`);
    writeFileSync(join(`${folder}2`, 'file'), '');
    symlinkSync(join(`${folder}2`, 'file'), join(folder, 'neighbour'));
    expect(problemsOf(await node.pathInside(folder, 'inner'))).toEqual([]);
    for (const name of ['outer', 'up', 'neighbour']) {
      expect(problemsOf(await node.pathInside(folder, name))[0]).toContain('a link to');
    }
    expect(problemsOf(await node.pathInside(folder, 'dangling'))).toHaveLength(1);
  });
  it.skipIf(windows)('follows links into the blobs of the Hugging Face cache', async () => {
    const root = temporaryFolder();
    const snapshot = join(root, 'snapshots', 'abc');
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(root, 'blobs'));
    writeFileSync(join(root, 'blobs', '123'), 'x');
    writeFileSync(join(root, 'refs'), 'x');
    symlinkSync('../../blobs/123', join(snapshot, 'good'));
    symlinkSync('../../refs', join(snapshot, 'bad'));
    expect(problemsOf(await node.pathInside(snapshot, 'good'))).toEqual([]);
    expect(problemsOf(await node.pathInside(snapshot, 'bad'))).toHaveLength(1);
  });
});

describe('writeFileAtomic', () => {
  it('makes and replaces a file, and leaves nothing else', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a');
    valueOf(await node.writeFileAtomic(path, 'one \u00e9'));
    expect(readFileSync(path, 'utf8')).toBe('one \u00e9');
    valueOf(await node.writeFileAtomic(path, Uint8Array.of(1, 2)));
    expect(Array.from(readFileSync(path))).toEqual([1, 2]);
    expect(tree(folder)).toEqual(['a']);
  });
  it('leaves nothing when the rename fails', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    expect(problemsOf(await node.writeFileAtomic(join(folder, 'a'), 'x'))).toHaveLength(1);
    expect(tree(folder)).toEqual(['a', 'a/b'].map((p) => join(p)));
  });
  it('fails in a folder that is missing', async () => {
    const folder = temporaryFolder();
    expect(problemsOf(await node.writeFileAtomic(join(folder, 'no', 'a'), 'x'))[0]).toContain('ENOENT');
    expect(tree(folder)).toEqual([]);
  });
});

describe('writeFolderAtomic', () => {
  it('shows the folder only when it is complete', async () => {
    const parent = temporaryFolder();
    const out = join(parent, 'new', 'deep', 'out');
    const from = join(parent, 'from');
    writeFileSync(from, 'copied');
    const answer = await node.writeFolderAtomic(out, async (folder) => {
      valueOf(await folder.writeFile('a.json', '{}'));
      valueOf(await folder.copyFile(from, 'b'));
      const file = valueOf(await folder.create('c'));
      valueOf(await file.write(Uint8Array.of(1)));
      expect(valueOf(await node.statFile(out)).kind).toBe('missing');
      return E.right(42);
    });
    expect(valueOf(answer)).toBe(42);
    expect(tree(out)).toEqual(['a.json', 'b', 'c']);
    expect(readFileSync(join(out, 'b'), 'utf8')).toBe('copied');
    // A file that was left open is complete all the same.
    expect(Array.from(readFileSync(join(out, 'c')))).toEqual([1]);
    expect(tree(join(parent, 'new', 'deep')).filter((p) => !p.startsWith('out'))).toEqual([]);
    // Readable by whoever may read other files made here.
    if (!windows) expect(statSync(out).mode & 0o777).toBe(0o777 & ~process.umask());
  });
  it('waits for the disk unless it is told not to', async () => {
    const folder = temporaryFolder();
    const handle = await open(folder);
    const synced = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'sync');
    await handle.close();
    const write = async (writer: Writer) => {
      valueOf(await writer.writeFile('a', 'x'));
      valueOf(await writer.copyFile(import.meta.filename, 'b'));
      const placed = valueOf(await (writer.place as NonNullable<Writer['place']>)('c'));
      valueOf(await placed.write(Uint8Array.of(1), 0));
      return writer.folder('d');
    };
    try {
      valueOf(await node.writeFolderAtomic(join(folder, 'fast'), write, false));
      expect(synced).not.toHaveBeenCalled();
      valueOf(await node.writeFolderAtomic(join(folder, 'safe'), write));
      // three files, the folder d, the folder itself and the one that it lies in
      expect(synced).toHaveBeenCalledTimes(6);
    } finally {
      synced.mockRestore();
    }
    expect(tree(join(folder, 'fast'))).toEqual(tree(join(folder, 'safe')));
    expect(readFileSync(join(folder, 'fast', 'c'))).toEqual(Buffer.of(1));
  });
  it('writes into an empty folder and refuses any other target', async () => {
    const out = temporaryFolder();
    valueOf(await node.writeFolderAtomic(out, (folder) => folder.writeFile('a', 'x')));
    expect(tree(out)).toEqual(['a']);
    let called = false;
    const again = await node.writeFolderAtomic(out, async () => {
      called = true;
      return E.right(undefined);
    });
    expect(problemsOf(again)[0]).toContain('a new or an empty folder, found 1 files in it');
    expect(problemsOf(await node.writeFolderAtomic(join(out, 'a'), async () => E.right(1)))[0]).toContain(
      'found a file',
    );
    expect(called).toBe(false);
    expect(tree(out)).toEqual(['a']);
  });
  it.each<readonly [string, Parameters<typeof node.writeFolderAtomic>[1]]>([
    [
      'the content fails',
      async (folder) => {
        await folder.writeFile('a', 'x');
        await folder.create('left-open');
        return fail('model', 'sense', 'none');
      },
    ],
    ['a copy fails', (folder) => folder.copyFile('/nowhere/at/all', 'a')],
    ['a name leaves the folder', (folder) => folder.writeFile('../a', 'x')],
    [
      'a name occurs twice',
      async (folder) => {
        await folder.writeFile('a', 'x');
        return folder.writeFile('a', 'y');
      },
    ],
  ])('leaves nothing when %s', async (_, write) => {
    const parent = temporaryFolder();
    expect(problemsOf(await node.writeFolderAtomic(join(parent, 'p', 'q', 'out'), write))).toHaveLength(1);
    expect(tree(parent)).toEqual([]);
  });
  it('leaves nothing when the content throws', async () => {
    const parent = temporaryFolder();
    const thrown = node.writeFolderAtomic(join(parent, 'p', 'out'), async (folder) => {
      await folder.create('a');
      throw new Error('a mistake');
    });
    await expect(thrown).rejects.toThrow('a mistake');
    expect(tree(parent)).toEqual([]);
  });
  it('keeps what somebody else put at the target meanwhile', async () => {
    const parent = temporaryFolder();
    const out = join(parent, 'out');
    const result = await node.writeFolderAtomic(out, async (folder) => {
      mkdirSync(out);
      writeFileSync(join(out, 'theirs'), 'x');
      return folder.writeFile('ours', 'x');
    });
    expect(problemsOf(result)).toHaveLength(1);
    expect(tree(parent)).toEqual(['out', join('out', 'theirs')]);
  });
});

describe('file writer', () => {
  it('joins pieces of any size in order, and does not keep the bytes it was given', async () => {
    const out = join(temporaryFolder(), 'out');
    const sizes = [0, 1, 1000, (1 << 20) - 1001, 1, 3 << 20, 5, 1 << 20, (1 << 20) + 1, 7];
    const total = sizes.reduce((a, b) => a + b);
    const expected = Uint8Array.from({ length: total }, (_, i) => (i * 31 + (i >> 8)) & 255);
    let length = 0;
    valueOf(
      await node.writeFolderAtomic(out, async (folder) => {
        const file = valueOf(await folder.create('f'));
        let at = 0;
        for (const size of sizes) {
          const piece = expected.slice(at, (at += size));
          valueOf(await file.write(piece));
          piece.fill(0);
        }
        length = valueOf(await file.close());
        expect(valueOf(await file.close())).toBe(length);
        return E.right(undefined);
      }),
    );
    expect(length).toBe(total);
    expect(Buffer.compare(readFileSync(join(out, 'f')), expected)).toBe(0);
  });
});

describe('copyFile', () => {
  it('copies, and never overwrites', async () => {
    const folder = temporaryFolder();
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(a, 'x');
    valueOf(await node.copyFile(a, b));
    expect(readFileSync(b, 'utf8')).toBe('x');
    expect(problemsOf(await node.copyFile(a, b))[0]).toContain('EEXIST');
  });
});

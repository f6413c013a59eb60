/**
 * Running a merge plan in several threads: each takes the next piece as soon as it is done with one.
 *
 * Pieces go to places that the plan fixes and each row is computed alone: the bytes do not depend on how many threads there
 * are, nor on their pace.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { Checkpoint, CheckpointFile } from '../checkpoint.js';
import type { Writer } from '../file-system.js';
import { newFactors, type Factors } from './factors.js';
import { piecesOf, type OpenedFile, type Piece } from './pieces.js';
import type { FilePlan, MergePlan } from './plan.js';
import type { Run } from './tensor.js';
import { inTurns, isBefore, type Order } from './turns.js';
import type { Lane, Lanes } from './unit.js';

/** A merge in lanes. */
export interface InLanes {
  readonly plan: MergePlan;
  readonly run: Run;
  readonly lanes: Lanes;
  readonly place: NonNullable<Writer['place']>;
  /** Copies a whole file of the base. */
  readonly copyFile: (file: FilePlan) => Promise<Result<void>>;
}

/** A piece of a file, or why there is none. */
interface Task {
  readonly piece: Result<Piece>;
  /** Tells the file that so many of its bytes are written. */
  readonly wrote: (bytes: number) => void;
}

/** A file that cannot be made. */
const unmade = (problems: Result<never>): Task => ({ piece: problems, wrote: () => undefined });

/** Whether threads can read a checkpoint. */
export const isInFiles = ({ files }: Checkpoint): boolean =>
  [...files.values()].every((f) => f.source.descriptor !== undefined);

/** A file is made durable as it grows, by so many bytes: the disk works while the lanes do. */
const FLUSHED = 1 << 26;

/** A file that is made durable on the way, and closed when its last byte is written: while other files are still merged. */
const closing = (file: OpenedFile, ended: (done: Promise<Result<void>>) => void): ((bytes: number) => void) => {
  let missing = file.plan.tensors.reduce((n, t) => n + t.stored.byteLength, 0);
  let fresh = 0;
  let flushing = false;
  const flush = async (): Promise<Result<void>> => {
    [fresh, flushing] = [0, true];
    const done = await file.to.flush();
    flushing = false;
    return done;
  };
  return (bytes) => {
    missing -= bytes;
    fresh += bytes;
    if (missing === 0) ended(file.to.close());
    else if (fresh >= FLUSHED && !flushing) ended(flush());
  };
};

/** Copies the files that stay as they are, one after the other, as long as nothing fails. */
const copyFiles = async ({ plan, copyFile }: InLanes, goesOn: () => boolean): Promise<Result<void>> => {
  for (const file of plan.files) {
    if (!file.same || !goesOn()) continue;
    const copied = await copyFile(file);
    if (E.isLeft(copied)) return copied;
  }
  return E.right(undefined);
};

/** The tasks of one file; it is made before the first one, and its flushing and closing told to `ended`. */
async function* tasksOf(
  { run, place }: InLanes,
  file: FilePlan,
  factors: Factors,
  ended: (done: Promise<Result<void>>) => void,
): AsyncGenerator<Task, void, undefined> {
  const to = await place(file.name);
  if (E.isLeft(to)) return yield unmade(to);
  const head = await to.right.write(file.head, 0);
  if (E.isLeft(head)) return yield unmade(head);
  const opened = { plan: file, base: run.checkpoint.files.get(file.name) as CheckpointFile, to: to.right, factors };
  const wrote = closing(opened, ended);
  wrote(0);
  for await (const piece of piecesOf(run, opened, wrote)) yield { piece, wrote };
}

/** Merges in lanes; see `runMerge`. */
export const runInLanes = async (job: InLanes): Promise<Result<void>> => {
  const closes: Promise<Result<void>>[] = [];
  const factors = newFactors();
  const merged = job.plan.files.filter((file) => !file.same);
  const next = inTurns(merged.map((file) => tasksOf(job, file, factors, (done) => closes.push(done))));
  // what comes before the first failure is still done, so that it is the same whatever the threads do
  let first: { readonly at: Order; readonly problems: Result<never> } | undefined;
  const state = { stopped: false };
  const work = async (run: Lane, { piece, wrote }: Task): Promise<Result<void>> => {
    if (E.isLeft(piece)) return piece;
    const { unit, name, overflowed } = piece.right;
    const done = await run(unit);
    piece.right.done();
    if (E.isLeft(done)) return done;
    if (done.right >= 0) return overflowed(done.right);
    wrote(unit.byteLength);
    job.run.advance(unit.byteLength, name);
    return E.right(undefined);
  };
  const drain = async (run: Lane, lane: number): Promise<void> => {
    try {
      while (!state.stopped) {
        const found = await next(lane, first?.at);
        if (found === undefined) return;
        const [at, task] = found;
        const done = await work(run, task);
        if (E.isLeft(done) && (first === undefined || isBefore(at, first.at))) first = { at, problems: done };
      }
    } catch (error) {
      state.stopped = true;
      throw error;
    }
  };
  const copy = async (): Promise<void> => {
    const done = await copyFiles(job, () => first === undefined && !state.stopped);
    state.stopped ||= E.isLeft(done);
    closes.push(Promise.resolve(done));
  };
  // the system copies while the lanes compute
  const copying = copy();
  const drains = job.lanes.lanes.flatMap(({ run, depth }, lane) =>
    Array.from({ length: depth }, () => drain(run, lane)),
  );
  // all of them: nothing may be under way when the files are closed
  const ended = await Promise.allSettled([...drains, copying]);
  const closed = await Promise.all(closes);
  const thrown = ended.find((e) => e.status === 'rejected');
  if (thrown !== undefined) throw thrown.reason;
  return first?.problems ?? closed.find(E.isLeft) ?? E.right(undefined);
};

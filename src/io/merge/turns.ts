/**
 * Which lane goes on with which file: each has a file of its own as long as there are enough, since the system lets one thread at a
 * time write to a file.
 */

/** A place in the order of a merge: the file, and the piece in it. */
export type Order = readonly [file: number, piece: number];

/** Whether a place comes before another one. */
export const isBefore = ([file, piece]: Order, [otherFile, otherPiece]: Order): boolean =>
  file < otherFile || (file === otherFile && piece < otherPiece);

/** A file's pieces, and how far they are. */
interface Stream<A> {
  readonly file: number;
  readonly pieces: AsyncGenerator<A, void, undefined>;
  asked: number;
  /** The lane whose file it is. */
  lane: number | undefined;
  ended: boolean;
}

/**
 * A function that gives a lane its next piece and the place of it; undefined where there is none, or none before `end`.
 *
 * One generator runs at a time, so that they may share what they work with.
 *
 * @param files the pieces of each file
 */
export const inTurns = <A>(files: ReadonlyArray<AsyncGenerator<A, void, undefined>>) => {
  const streams = files.map((pieces, file): Stream<A> => ({ file, pieces, asked: 0, lane: undefined, ended: false }));
  let running: Promise<unknown> = Promise.resolve();
  const step = async ({ pieces }: Stream<A>, before: Promise<unknown>): Promise<IteratorResult<A, void>> => {
    await before.catch(() => undefined);
    return pieces.next();
  };
  return async (lane: number, end?: Order): Promise<readonly [Order, A] | undefined> => {
    for (;;) {
      const open = streams.filter((s) => !s.ended && (end === undefined || isBefore([s.file, s.asked], end)));
      const stream = open.find((s) => s.lane === lane) ?? open.find((s) => s.lane === undefined) ?? open[0];
      if (stream === undefined) return undefined;
      stream.lane ??= lane;
      const at: Order = [stream.file, stream.asked++];
      const stepped = step(stream, running);
      running = stepped;
      const { done, value } = await stepped;
      if (done !== true) return [at, value];
      stream.ended = true;
    }
  };
};

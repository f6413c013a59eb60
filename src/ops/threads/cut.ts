/**
 * Calls cut into calls for parts of their rows or elements.
 */

/** How a call is cut into parts. */
export interface Cut {
  /** The argument that counts units: rows or elements. */
  readonly counted: number;
  /** By how much an argument moves with each unit; those that are missing stay. */
  readonly steps: ReadonlyArray<number>;
  /** By how much an argument lies behind that of the part before: room that a part has to itself. */
  readonly apart?: ReadonlyArray<number>;
  /** Operations a unit. */
  readonly work: number;
  /** A part has a multiple of so many units. */
  readonly grain: number;
}

/** Into how many parts a call is cut at most, and the operations below which a part is not worth telling others of. */
export interface Limits {
  readonly parts: number;
  readonly worth: number;
}

/** A call as calls for parts of its units; one where it is small. */
export const partsOf = (
  args: ReadonlyArray<number>,
  { counted, steps, apart, work, grain }: Cut,
  { parts: most, worth }: Limits,
): ReadonlyArray<ReadonlyArray<number>> => {
  const count = args[counted] as number;
  const parts = Math.max(1, Math.min(most, Math.floor((count * work) / worth)));
  const units = Math.ceil(count / parts / grain) * grain;
  if (units >= count) return [args];
  return Array.from({ length: Math.ceil(count / units) }, (_, i) => {
    const from = i * units;
    return args.map((x, j) =>
      j === counted ? Math.min(units, count - from) : x + from * (steps[j] ?? 0) + i * (apart?.[j] ?? 0),
    );
  });
};

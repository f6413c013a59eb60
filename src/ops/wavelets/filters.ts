/**
 * Orthogonal wavelets by name: "db1" to "db38", "sym2" to "sym20", "coif1" to "coif17".
 */
import { coiflets } from './coiflets.js';
import { daubechies, symlet } from './daubechies.js';

/** A synthesis filter bank: L taps each, L even. */
export interface FilterBank {
  /** The scaling filter, whose taps sum to sqrt(2). */
  readonly low: Float64Array;
  /** The wavelet filter, (-1)^t low[L - 1 - t]. */
  readonly high: Float64Array;
}

/** The bank of a scaling filter. */
export const bankOf = (low: Float64Array): FilterBank => ({
  low,
  high: low.map((_, t) => (t % 2 === 0 ? 1 : -1) * (low[low.length - 1 - t] as number)),
});

const families: Readonly<
  Record<string, { readonly first: number; readonly last: number; readonly taps: (n: number) => Float64Array }>
> = {
  db: { first: 1, last: 38, taps: (n) => daubechies(n) },
  sym: { first: 2, last: 20, taps: symlet },
  coif: { first: 1, last: coiflets.length, taps: (n) => Float64Array.from(coiflets[n - 1] as ReadonlyArray<number>) },
};

/** Every name that `waveletBank` knows. */
export const waveletNames: ReadonlyArray<string> = Object.entries(families).flatMap(([family, { first, last }]) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${family}${first + i}`),
);

const known = new Map<string, FilterBank>();

/** The filter bank of a wavelet; long ones take a third of a second the first time. Throws a `RangeError` for a name that is not in `waveletNames`. */
export const waveletBank = (name: string): FilterBank => {
  const found = known.get(name);
  if (found !== undefined) return found;
  const [, family = '', order = ''] = /^([a-z]+)(\d+)$/.exec(name) ?? [];
  const taps = waveletNames.includes(name) ? families[family]?.taps(Number(order)) : undefined;
  if (taps === undefined) throw new RangeError(`a wavelet is one of ${waveletNames.join(', ')}; found ${name}`);
  const bank = bankOf(taps);
  known.set(name, bank);
  return bank;
};

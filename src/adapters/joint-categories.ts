/**
 * Which layers share a basis in FRoD, and the places that it trains off the diagonal.
 */
import { torchGenerator, torchRandperm } from '../ops/torch-random/index.js';

const isNumber = (part: string): boolean => /^\d+$/.test(part);

/** The part that a module plays: the end of its name, without the number of its layer. */
export const categoryOf = (name: string): string => {
  const parts = name.split('.');
  const [above, last] = [parts[parts.length - 2], parts[parts.length - 1] as string];
  if (above === undefined || isNumber(above)) return last;
  const category = `${above}_${last}`;
  return category === 'output_dense' && parts[parts.length - 3] === 'attention' ? 'attention_output' : category;
};

/** The number of the layer that a module is in: after "layers", else the first number in its name, else `fallback`. */
export const layerNumberOf = (name: string, fallback: number): number => {
  const parts = name.split('.');
  const after = parts[parts.indexOf('layers') + 1];
  if (parts.includes('layers') && after !== undefined && isNumber(after)) return Number(after);
  const found = parts.find(isNumber);
  return found === undefined ? fallback : Number(found);
};

/** How many places off the diagonal of a [d, d] matrix are trained. */
export const placesCount = (d: number, rate: number): number => {
  const most = d * d - d;
  const n = Math.min(Math.trunc(d * d * rate), most);
  return rate > 0 && most > 0 ? Math.max(1, n) : n;
};

/**
 * The trained places of each category, rows then columns [2, n], as PEFT draws them: one generator for all, in the order of
 * the names.
 */
export const drawPlaces = (
  sizes: ReadonlyMap<string, number>,
  seed: number,
  rate: number,
): ReadonlyMap<string, Int32Array> => {
  const generator = torchGenerator(seed);
  return new Map(
    [...sizes]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([category, d]) => {
        const n = placesCount(d, rate);
        const flat = n === 0 ? new Int32Array(0) : torchRandperm(generator, d * d - d, n);
        const places = new Int32Array(2 * n);
        flat.forEach((p, i) => {
          const [row, column] = [Math.floor(p / (d - 1)), p % (d - 1)];
          places[i] = row;
          places[n + i] = column < row ? column : column + 1;
        });
        return [category, places];
      }),
  );
};

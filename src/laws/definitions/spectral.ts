/**
 * Changes in a transformed space: FourierFT, WaveFT and C3A.
 *
 * Places that files leave out are drawn again with torch's generator (src/ops/torch-random), and filters are the tables of
 * src/ops/wavelets.
 */
import { waveletBank } from '../../ops/wavelets/filters.js';
import { torchGenerator, torchRandperm } from '../../ops/torch-random/index.js';
import { added, features } from './layer.js';
import { entries, matrixOf, scaled, total, type Entry } from './matrix.js';

/** The first n places of a random order of all entries of a matrix. */
const places = (
  seed: number,
  out: number,
  inputs: number,
  n: number,
): ReadonlyArray<readonly [row: number, column: number]> =>
  Array.from(
    torchRandperm(torchGenerator(seed), out * inputs, n),
    (p) => [Math.floor(p / inputs), p % inputs] as const,
  );

/** dW[p, q] = scaling / (out in) sum_k c_k cos(2 pi (u_k p / out + v_k q / in)): the real part of an inverse DFT. */
export const fourierftDefinition = added((l) => {
  const spectrum = l.tensor('fourierft_spectrum');
  if (spectrum === undefined) return undefined;
  const { out, inputs } = features(l.module, l.config.fan_in_fan_out);
  const at = places(l.config.random_loc_seed, out, inputs, spectrum.values.length);
  // angles are whole parts of a turn, whose cosines a float32 table holds to half a unit in the last place of 1
  const waves = entries(out, inputs, spectrum.values.length + 8, (p, q) =>
    total(
      at.map(([u, v], k): Entry => {
        const c = spectrum.values[k] as number;
        return [c * Math.cos(2 * Math.PI * (((u * p) % out) / out + ((v * q) % inputs) / inputs)), Math.abs(c)];
      }),
    ),
  );
  return scaled(l.config.scaling / (out * inputs), waves);
});

/** The sample at x of the synthesis from one coefficient at k: f[t] at 2 k + t, less L - 2 at the beginning. */
const sample = (filter: Float64Array, k: number, x: number): number => filter[x + filter.length - 2 - 2 * k] ?? 0;

/** scaling times the inverse wavelet transform of a spectrum with a few coefficients, or that spectrum itself. */
export const waveftDefinition = added((l) => {
  const spectrum = l.tensor('waveft_spectrum');
  if (spectrum === undefined) return undefined;
  const { use_idwt, wavelet_family, random_loc_seed, scaling } = l.config;
  const { out, inputs } = features(l.module, l.config.fan_in_fan_out);
  const c = matrixOf(spectrum).values;
  const at = places(random_loc_seed, out, inputs, c.length);
  if (!use_idwt)
    return scaled(
      scaling,
      entries(out, inputs, 0, (o, i) =>
        total(
          at.map(([row, column], k): Entry =>
            row === o && column === i ? [c[k] as number, Math.abs(c[k] as number)] : [0, 0],
          ),
        ),
      ),
    );
  const { low, high } = waveletBank(wavelet_family);
  const L = low.length;
  const padded = (size: number): number => size + L - 2 + ((size + L - 2) % 2);
  const offset = (size: number): number => Math.floor((padded(size) - size) / 2);
  // the window of the weight in the middle of what the synthesis gives, P + 2 - L samples an axis
  const start = (size: number): number => Math.floor((padded(size) + 2 - L - size) / 2);
  const [rows, columns] = [padded(out) / 2, padded(inputs) / 2];
  const pieces = at.map(([row, column], k) => {
    const [r, q] = [row + offset(out), column + offset(inputs)];
    // top right holds the coefficients that are high along the rows, bottom left those along the columns
    return {
      c: c[k] as number,
      i: r % rows,
      j: q % columns,
      down: q >= columns ? high : low,
      across: r >= rows ? high : low,
    };
  });
  return scaled(
    scaling,
    entries(out, inputs, c.length + 6, (o, i) =>
      total(
        pieces.map(({ c: value, i: k, j, down, across }): Entry => {
          const x = value * sample(down, k, o + start(out)) * sample(across, j, i + start(inputs));
          return [x, Math.abs(x)];
        }),
      ),
    ),
  );
});

/** Circulant blocks: dW[m k + j, n k + t] = w[m, n, (t - j) mod k] / in. */
export const c3aDefinition = added((l) => {
  const kernel = l.tensor('c3a_kernel');
  if (kernel === undefined) return undefined;
  const [, columns, k] = kernel.shape as readonly [number, number, number];
  const { out, inputs } = features(l.module);
  return entries(out, inputs, 2, (o, i) => {
    const [m, n] = [Math.floor(o / k), Math.floor(i / k)];
    const w = (kernel.values[(m * columns + n) * k + ((((i - o) % k) + k) % k)] as number) / inputs;
    return [w, Math.abs(w)];
  });
});

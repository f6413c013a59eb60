/**
 * PSOFT's cases: the signs of the singular vectors that PEFT's LAPACK chose, told from PEFT's merged weights.
 *
 * The files hold the rotation of a basis without the basis, so they mean nothing without these signs; everything else about
 * the cases is checked as for all methods.
 */
import { apply } from '../src/adapters/apply.js';
import type { Leaf } from '../src/adapters/adapter.js';
import { mergeable } from '../src/adapters/combine.js';
import { decodeAdapter } from '../src/adapters/decode.js';
import { psoft, psoftBases, type PsoftConfig } from '../src/adapters/methods/psoft.js';
import { readWeights } from '../src/io/model.js';
import type { RawTensor } from '../src/io/safetensors/write.js';
import { dispose, read, scope } from '../src/ops/backend.js';
import { encodeFloats } from '../src/ops/dtype.js';
import type { Tensor } from '../src/ops/tensor.js';
import { valuesOf } from './compare.js';
import { orThrow } from './or-throw.js';
import type { GoldenCase } from './case.js';

/** A basis [rows, cols] with its vectors' signs flipped; they are rows or columns. */
const signed = (
  { values, shape }: { readonly values: Float32Array; readonly shape: ReadonlyArray<number> },
  sign: (i: number) => number,
  areRows: boolean,
): RawTensor => ({
  dtype: 'F32',
  shape,
  bytes: encodeFloats(
    'F32',
    values.map((v, at) => {
      const cols = shape[1] as number;
      return v * sign(areRows ? Math.floor(at / cols) : at % cols);
    }),
  ),
});

const hostOf = async (x: Tensor): Promise<{ readonly values: Float32Array; readonly shape: ReadonlyArray<number> }> => {
  const values = await read(x);
  x.dispose();
  return { values, shape: x.shape };
};

/** Signs as the bits of a number. */
const signOf =
  (bits: number) =>
  (i: number): number =>
    (bits >> i) % 2 === 1 ? -1 : 1;

/** The case's PSOFT adapter with PEFT's bases beside it; any other adapter as it is. */
export const withPeftBases = async (c: GoldenCase, leaf: Leaf): Promise<Leaf> => {
  if (leaf.method !== psoft) return leaf;
  const config = leaf.config as PsoftConfig;
  const sites = leaf.sites.filter((s) => s.reads !== undefined);
  const weights = orThrow(await readWeights({ checkpoint: c.base, spec: c.spec }));
  const bases = await Promise.all(
    sites.map(async ({ key }) => {
      const { A, B } = scope(() => ({ ...psoftBases(config, weights[key] as Tensor) }));
      return { A: await hostOf(A as Tensor), B: await hostOf(B as Tensor) };
    }),
  );
  const decoded = (bits: ReadonlyArray<number>): Leaf => {
    const tensors = new Map(c.files.tensors);
    sites.forEach(({ module }, i) => {
      const { A, B } = bases[i] as (typeof bases)[number];
      const sign = signOf(bits[i] as number);
      tensors.set(`base_model.model.${module}._psoft_A_cache`, signed(A, sign, true));
      tensors.set(`base_model.model.${module}._psoft_B_cache`, signed(B, sign, false));
    });
    return orThrow(decodeAdapter({ ...c.files, tensors }, c.spec)).adapter;
  };
  const best = sites.map(() => ({ bits: 0, error: Infinity }));
  // both signs of all vectors at once are the same: the last one stays
  for (let bits = 0; bits < 2 ** (config.r - 1); bits++) {
    const trial = decoded(sites.map(() => bits));
    const merged = apply(orThrow(mergeable(trial)), weights);
    for (const [i, { key }] of sites.entries()) {
      const theirs = valuesOf(c.expected.get(`merged.${key}`) as RawTensor);
      const error = (await read(merged[key] as Tensor)).reduce((e, v, j) => e + (v - (theirs[j] as number)) ** 2, 0);
      if (error < (best[i]?.error ?? 0)) best[i] = { bits, error };
    }
    dispose(merged, { keep: weights });
    dispose(trial.params);
  }
  dispose(weights);
  return decoded(best.map((b) => b.bits));
};

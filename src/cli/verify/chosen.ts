/**
 * The laws that `weft verify` checks, and on what.
 */
import { snapshot } from '../../laws/compare.js';
import { law, mergeableAt, type Law } from '../../laws/law.js';
import { composeLaw, unitLaw } from '../../laws/predicates/composition.js';
import { filesLaw } from '../../laws/predicates/files.js';
import { forwardLaw } from '../../laws/predicates/forward.js';
import { honestyLaw } from '../../laws/predicates/honesty.js';
import { identityLaw } from '../../laws/predicates/identity.js';
import { scaleEndsLaw, scaleLaw } from '../../laws/predicates/linear.js';
import { pointwiseLaw, rowsLaw } from '../../laws/predicates/pointwise.js';
import { formLaw, localityLaw, purityLaw } from '../../laws/predicates/purity.js';
import { subtractLaw, unapplyLaw } from '../../laws/predicates/undo.js';
import { broken, fine } from '../../laws/verdict.js';
import { decodeFloats, encodeFloats, type DType } from '../../ops/dtype.js';

/** The storage type of a key of the adapted model. */
export type StoredAs = (key: string) => DType;

/** Values as a checkpoint would hold them. */
const rounded = (values: Float32Array, dtype: DType): Float32Array => decodeFloats(dtype, encodeFloats(dtype, values));

const allFinite = (values: Float32Array): boolean => values.every((v) => Number.isFinite(v));

/** Finite weights stay finite, also in the type that the checkpoint stores them in. */
const finiteLaw = (storedAs: StoredAs): Law =>
  law('finite', 'apply(a, w)[k] is finite in its storage type where w is', { atMost: 'dependent' }, async (s) => {
    const before = await snapshot(s.weights);
    if (!Object.values(before).every(({ values }) => allFinite(values))) return fine;
    const merged = Object.entries(await snapshot(s.operations.apply(mergeableAt(s, 0), s.weights)));
    const bad = merged.find(([key, { values }]) => !allFinite(rounded(values, storedAs(key))));
    return bad === undefined ? fine : broken(`expected finite numbers in ${storedAs(bad[0])}, found others`, bad[0]);
  });

/** Laws about the weights of a few modules at a time. */
export const weightLaws = (storedAs: StoredAs): ReadonlyArray<Law> => [
  identityLaw,
  purityLaw,
  formLaw,
  finiteLaw(storedAs),
  honestyLaw,
  pointwiseLaw,
  rowsLaw,
  unapplyLaw,
  subtractLaw,
  unitLaw,
  composeLaw,
  scaleLaw,
  scaleEndsLaw,
  forwardLaw,
];

/** The law about all keys of a model at once; it looks at no value, so any tensors will do. */
export const keyLaw: Law = localityLaw;

/** The law about an adapter's own files. */
export const fileLaw: Law = filesLaw;

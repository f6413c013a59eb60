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

/** Finite weights stay finite. */
export const finiteLaw: Law = law(
  'finite',
  'apply(a, w)[k] is finite wherever w[k] is',
  { atMost: 'dependent' },
  async (s) => {
    const before = await snapshot(s.weights);
    if (Object.values(before).some(({ values }) => !values.every(Number.isFinite))) return fine;
    const merged = await snapshot(s.operations.apply(mergeableAt(s, 0), s.weights));
    const bad = Object.keys(merged).find((key) => merged[key]?.values.every(Number.isFinite) === false);
    return bad === undefined ? fine : broken('expected finite numbers, found others', bad);
  },
);

/** Laws about the weights of a few modules at a time. */
export const weightLaws: ReadonlyArray<Law> = [
  identityLaw,
  purityLaw,
  formLaw,
  finiteLaw,
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

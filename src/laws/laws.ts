/**
 * Every law.
 */
import type { Law } from './law.js';
import { associativityLaw, composeLaw, unitLaw } from './predicates/composition.js';
import { filesLaw } from './predicates/files.js';
import { forwardLaw } from './predicates/forward.js';
import { gradientLaw } from './predicates/gradient.js';
import { honestyLaw } from './predicates/honesty.js';
import { identityLaw, neutralLaw } from './predicates/identity.js';
import { layoutLaw } from './predicates/layout.js';
import { scaleEndsLaw, scaleLaw, sumLaw } from './predicates/linear.js';
import { pointwiseLaw, rowsLaw } from './predicates/pointwise.js';
import { formLaw, localityLaw, purityLaw } from './predicates/purity.js';
import { restrictLaw } from './predicates/restriction.js';
import { batchLaw, decodingLaw } from './predicates/running.js';
import { inverseLaw, subtractLaw, unapplyLaw } from './predicates/undo.js';

/** The laws of every method; "definition" comes with the method's own equation. */
export const laws: ReadonlyArray<Law> = [
  identityLaw,
  neutralLaw,
  purityLaw,
  localityLaw,
  formLaw,
  unapplyLaw,
  subtractLaw,
  composeLaw,
  associativityLaw,
  unitLaw,
  sumLaw,
  scaleLaw,
  scaleEndsLaw,
  inverseLaw,
  restrictLaw,
  pointwiseLaw,
  rowsLaw,
  forwardLaw,
  layoutLaw,
  gradientLaw,
  filesLaw,
  honestyLaw,
];

/** The laws of adapters on whole language models that run. */
export const runningLaws: ReadonlyArray<Law> = [batchLaw, decodingLaw];

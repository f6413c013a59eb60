/**
 * The laws of adapters: pure predicates, and their runners and arbitraries for fast-check (an optional peer dependency).
 */
export { arena } from './arena.js';
export { adapterData, fit, type AdapterData } from './arbitraries/adapters.js';
export { arbitraryOf, genericArbitrary } from './arbitraries/generic.js';
export { loraConfig } from './arbitraries/lora.js';
export { methodArbitraries, type MethodArbitrary } from './arbitraries/methods.js';
export { modelSpec } from './arbitraries/models.js';
export { realise, showSubject, subjectData, type SubjectData, type Trial } from './arbitraries/subjects.js';
export { checkLaw, checkMethod, lawsOf, type CheckOptions, type Report } from './check.js';
export { sameBits, snapshot, within, type Bound, type Snapshot, type Values } from './compare.js';
export type { Definition, Exact, Expected, Given } from './definitions/definition.js';
export { loraDefinition } from './definitions/lora.js';
export { law, noLessLawful, type Law, type Subject } from './law.js';
export { laws } from './laws.js';
export { magnitudeOf, roundingsOf } from './magnitude.js';
export { lawMatrix, methodCells, notApplicable, type Cell, type LawMatrix, type MethodRow } from './matrix.js';
export { weft, type Operations } from './operations.js';
export { associativityLaw, composeLaw, unitLaw } from './predicates/composition.js';
export { definitionLaw } from './predicates/definition.js';
export { filesLaw, parseFiles } from './predicates/files.js';
export { forwardLaw } from './predicates/forward.js';
export { gradientLaw } from './predicates/gradient.js';
export { honestyLaw } from './predicates/honesty.js';
export { identityLaw, neutralLaw } from './predicates/identity.js';
export { layoutLaw } from './predicates/layout.js';
export { scaleEndsLaw, scaleLaw, sumLaw } from './predicates/linear.js';
export { pointwiseLaw, rowsLaw } from './predicates/pointwise.js';
export { formLaw, localityLaw, purityLaw } from './predicates/purity.js';
export { restrictLaw } from './predicates/restriction.js';
export { inverseLaw, subtractLaw, unapplyLaw } from './predicates/undo.js';
export { ulpDistance, ulpOf } from './ulp.js';
export { checkAdapter, type AtHand } from './verify.js';
export { layerUses, type LayerUse } from './uses.js';
export { broken, expect, fine, together, type Finding, type Verdict } from './verdict.js';

/**
 * Where an adapter acts on a model: PEFT's matching of modules, parameters, saved modules and token rows.
 */
export { selectModules } from './modules.js';
export { selectParameters, type TargetedParameters } from './parameters.js';
export { resolveTargets } from './resolve.js';
export { savedNames, selectSaved } from './saved.js';
export type { Selected, Targeting } from './targeting.js';
export { selectTokens, type TokenRows } from './tokens.js';

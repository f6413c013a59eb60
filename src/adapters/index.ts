/**
 * Adapters as values: decode, init, combine, apply, attach, undo.
 */
export { leavesOf, sameAdapter, type Adapter, type Invertible, type Leaf, type Mergeable } from './adapter.js';
export { apply, applyAt, attach } from './apply.js';
export { isAttached, type Attached, type ModelWeights } from './attached.js';
export {
  additive,
  additiveModule,
  compose,
  composition,
  eqAdapter,
  identity,
  inverse,
  invertible,
  isAdditive,
  isInvertible,
  isMergeable,
  mergeable,
  restrict,
  scale,
  sum,
} from './combine.js';
export { adaptedKeys, sourceOf, specAfter, touchedKeys, updateAt, type BaseLookup, type Reading } from './compile.js';
export {
  decodeConfig,
  encodeConfig,
  field,
  floatField,
  nullable,
  type BaseConfig,
  type Field,
  type Fields,
  type Values,
} from './config.js';
export { decodeAdapter, type AdapterFiles, type DecodedAdapter } from './decode.js';
export type { Indices } from './indices.js';
export { init, type InitOptions } from './init.js';
export { activationsOf, type Activations } from './inits/activations.js';
export { cordaFactors, cordaInit, covariance, type CordaMethod } from './inits/corda.js';
export { evaInit, type EvaOptions } from './inits/eva.js';
export { loftqFactors, loftqInit, type LoftqOptions } from './inits/loftq.js';
export { type Approximation, type Keep } from './low-rank-of.js';
export { loraGaFactors, loraGaInit, type LoraGaOptions } from './inits/lora-ga.js';
export { oloraInit } from './inits/olora.js';
export { pissaInit } from './inits/pissa.js';
export { startFrom, type Found, type LinearStart, type Started, type StartOptions } from './inits/started.js';
export { likePeft } from './like-peft.js';
export { mapLeaves, trainable, withTrainable } from './leaf.js';
export type {
  FileTensor,
  InitContext,
  InitProgress,
  LayoutContext,
  Method,
  NestedAdapters,
  Restructured,
  Routing,
  UpdateOptions,
} from './method.js';
export { orthogonality } from './methods/adalora.js';
export {
  allocateRanks,
  rankBudget,
  rankPatternOf,
  startOfRanks,
  type RankSchedule,
  type RankState,
} from './methods/adalora-ranks.js';
export {
  chooseSubspaces,
  measureSubspaces,
  startOfSubspaces,
  subspaceBudget,
  type SubspaceSchedule,
  type SubspaceState,
} from './methods/adamss-subspaces.js';
export { nextDirections } from './methods/lora/directions.js';
export { lora } from './methods/lora/lora.js';
export { kasaPenalty, keepSample, monteCloraPenalty } from './methods/lora/penalties.js';
export { shadowFrom, type Pretrained } from './methods/shadow/from-pretrained.js';
export { mixtureOf } from './methods/xlora/from-experts.js';
export { nestedLeaves, type NestedConfig } from './nested.js';
export { hasResidual, plainLora, plainLoraFrom } from './plain-lora.js';
export { countTrainable, print } from './print.js';
export { peftTypes, registry } from './registry.js';
export { layoutOfParts, type Layout, type ParamSpec, type Part, type Site } from './site.js';
export { toLora, type ConversionError, type Converted } from './to-lora.js';
export { treeChange, type TreeChange } from './tree.js';
export { unapply } from './unapply.js';
export { dense, lowRank, normalize, replace, replaceRows, sequence, type WeightUpdate } from './update.js';
export { applyUpdate } from './updates/apply.js';
export { forwardUpdate, type Use } from './updates/forward.js';
export { algebraOf, algebras, isRowLocal, joinAlgebras, type Algebra } from './updates/traits.js';

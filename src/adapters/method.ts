/**
 * A method: one PEFT algorithm as a record of pure functions.
 */
import type { ModelSpec } from '../models/spec.js';
import type { DType } from '../ops/dtype.js';
import type { Key } from '../ops/random.js';
import type { Shape, Tensor, Weights } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import type { BaseConfig, Fields } from './config.js';
import type { Layout, Site } from './site.js';
import type { TargetRules } from './targets/defaults.js';
import type { TreeChange } from './tree.js';
import type { WeightUpdate } from './update.js';

/** What `layout` may look at. */
export interface LayoutContext {
  /** The module tree, after `spec`. */
  readonly spec: ModelSpec;
  /** The method's own `targets`. */
  readonly targets: TargetRules | undefined;
  /** Whether the checkpoint holds a tensor; at init nothing is there yet, so optional tensors are left out. */
  readonly has: (name: string) => boolean;
  /** Shape of a tensor of the checkpoint, for sizes that the config does not tell; nothing at init. */
  readonly shapeOf?: (name: string) => Shape | undefined;
  /** Base weights at init, for sizes that follow from them (AdaMSS); absent where a checkpoint is read. */
  readonly weights?: Weights;
}

/** How far the start of an adapter is: `done` of `total` sites, the last of which is on `module`. */
export interface InitProgress {
  readonly module: string;
  readonly done: number;
  readonly total: number;
}

/** What `init` may look at. */
export interface InitContext<D> {
  readonly layout: Layout<D>;
  readonly spec: ModelSpec;
  readonly key: Key;
  /** Base weights, for methods whose start depends on them. */
  readonly weights: Weights;
  /** For methods that decompose weights: to be told of each site when its tensors are made. */
  readonly onProgress?: ((progress: InitProgress) => void) | undefined;
}

/** A module tree that an adapter builds from the base's, and how its parameters come from the base's. */
export interface Restructured {
  readonly spec: ModelSpec;
  readonly change: TreeChange | undefined;
}

/** The two readings of an adapter: `stored` changes the tensors of a checkpoint, `attached` what a module sees. */
export type Reading = 'stored' | 'attached';

/** How to compile an update. */
export interface UpdateOptions {
  /** Follow PEFT where PEFT breaks a law. */
  readonly likePeft: boolean;
  /** What the update is for; a merge unless told. */
  readonly reading?: Reading;
  /** What routes the forward pass; absent when merging. */
  readonly routing?: Routing | undefined;
  /** Integer tensors of the site by role, on the host; absent where the method has none. */
  readonly indices?: Readonly<Record<string, Int32Array>>;
}

/** What some adapters look at beside their own parameters, for one batch. */
export interface Routing {
  /** Task of each sample (Poly). */
  readonly taskIds?: ReadonlyArray<number>;
  /** Token ids of each sample (aLoRA). */
  readonly inputIds?: ReadonlyArray<ReadonlyArray<number>>;
  /** The pass is one of training: VeLoRA keeps a compressed input for the gradient of A. */
  readonly training?: boolean;
  /** Randomness of the pass, used up, for adapters that sample while they train (PVeRA, MonteCLoRA); without it they take their mean. */
  readonly key?: Key;
}

/** A tensor as a file stores it. */
export interface FileTensor {
  readonly tensor: Tensor;
  readonly dtype?: DType;
}

/** Adapters of one method inside an adapter of another. */
export interface NestedAdapters {
  /** The config field that gives their folders by name. */
  readonly field: string;
  readonly method: Method;
}

/**
 * One PEFT method: its config codec, where it acts, its tensors, its start and its weight update.
 *
 * Nothing else in Weft knows a method by name: laws, parity, command line, docs and benches loop over the registry.
 */
// A method's config and detail are its own affair; whoever holds it only passes them back to it.
// eslint-disable-next-line typescript/no-explicit-any
export interface Method<C extends BaseConfig = any, D = any> {
  /** `peft_type` in adapter_config.json. */
  readonly peftType: string;
  /** The paper. */
  readonly reference: string;
  /** Fields of the config beyond the common ones, with PEFT's defaults. */
  readonly fields: Fields;
  /** How it picks its modules; absent where it picks none, or only those that a config names. */
  readonly targets?: TargetRules;
  /** Checks across fields; `r > 0` and the like belong to the fields' codecs. */
  readonly validate: (config: C) => Result<C>;
  /** The module tree that the config asks for; most methods keep the base's. */
  readonly restructure: (config: C, spec: ModelSpec) => Result<Restructured>;
  /** Where the method acts and which tensors its checkpoint holds. */
  readonly layout: (config: C, context: LayoutContext) => Result<Layout<D>>;
  /** The start of training. */
  readonly init: (config: C, context: InitContext<D>) => Result<Weights>;
  /** Whether a new adapter changes the weights from the start, other than by PEFT's `init_..._weights` set to false; never unless told. */
  readonly startsElsewhere?: (config: C) => boolean;
  /** Values of a new adapter's integer tensors, by name; absent where the method has none. */
  readonly indices?: (config: C, layout: Layout<D>, weights: Weights) => Result<Readonly<Record<string, Int32Array>>>;
  /**
   * The tensors of a file from the parameters in memory, by name; absent where they are the same. Integers are int32 tensors
   * here, and a type is named where it is not the parameter's own.
   */
  readonly toFile?: (config: C, params: Weights) => Readonly<Record<string, FileTensor>>;
  /** How many tasks a config knows, where each sample is routed by its task (`Routing.taskIds`). */
  readonly tasks?: (config: C) => number;
  /** Other adapters inside one, each in a folder of its own. */
  readonly nested?: NestedAdapters;
  /** The config field that names a model whose tensors the file holds, and whose config.json says what they are; `none` names none. */
  readonly model?: { readonly field: string; readonly none: string };
  /** What the method does to one site's parameter. */
  readonly update: (
    config: C,
    site: Site<D>,
    tensors: Readonly<Record<string, Tensor>>,
    options: UpdateOptions,
  ) => WeightUpdate;
}

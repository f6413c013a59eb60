/**
 * What a model type says about its module tree beyond tensor names and shapes.
 */

/** An output layer that some model classes have. */
export interface Head {
  /** Names of the classes that have it. */
  readonly classes: RegExp;
  /** Path of the output embedding; its weight is tied to the input embedding's when config.json says so. */
  readonly output: string;
  /** Parameter that the output embedding's bias is tied to. */
  readonly bias?: string;
}

/** What the shape of a convolution's weight does not say. */
export interface KnownConv {
  /** `kernel`: the size of the kernel, for patches. */
  readonly stride: number | 'kernel';
  /** `causal`: one less than the kernel. */
  readonly padding: number | 'causal';
  /** Each channel on its own: as many groups as channels. */
  readonly depthwise?: true;
}

/** One model type's row, or the row of a family. */
export interface Architecture {
  /** Attribute that holds the base model in classes with a head (`base_model_prefix`). */
  readonly prefix: string;
  /** Classes with a head that are their own base model nevertheless. */
  readonly unprefixed?: RegExp;
  /** Children of the base model. */
  readonly parts: ReadonlyArray<string>;
  /** The input embedding, from the base model. */
  readonly input: string;
  readonly norm: 'LayerNorm' | 'RMSNorm';
  /** Names of the modules that are embeddings. */
  readonly embeddings: ReadonlyArray<string>;
  /** Names of the modules that are Conv1D: weight (in, out). */
  readonly conv1d?: ReadonlyArray<string>;
  /** Names of modules whose weights are bare parameters, whatever their shape. */
  readonly bare?: ReadonlyArray<string>;
  /** Names of modules whose matrices are stored (expert, in, out). */
  readonly transposed?: ReadonlyArray<string>;
  /** Convolutions that do not move by 1 without padding. */
  readonly convs?: Readonly<Record<string, KnownConv>>;
  readonly heads: ReadonlyArray<Head>;
  /** `tie_word_embeddings` where config.json does not say. */
  readonly tied: boolean;
  /** Embeddings that share the input embedding's weight whatever the config says, from the base model. */
  readonly shared?: ReadonlyArray<string>;
  /** Order in which children and parameters are defined; `parent.child` holds for one parent only. */
  readonly order: ReadonlyArray<string>;
  /** Published tensor names that differ from the parameters' names, tried in order on every key. */
  readonly renames?: ReadonlyArray<readonly [from: RegExp, to: string]>;
  /** Stored tensors that are no parameters of the class: buffers of old versions, heads of other classes. */
  readonly unused?: ReadonlyArray<readonly [classes: RegExp, keys: RegExp]>;
}

/** Names written one behind another. */
export const words = (text: string): ReadonlyArray<string> => text.split(/\s+/);

/** Classes that hold the base model itself: `LlamaModel`, not `GPT2LMHeadModel`. */
export const isBaseClass = (className: string): boolean =>
  className.endsWith('Model') && !/Heads?Model$/.test(className);

const any = /^/;

/** Buffers that old checkpoints hold: rotary tables, position ids, causal masks. */
export const OLD_BUFFERS: ReadonlyArray<readonly [RegExp, RegExp]> = [
  [any, /(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$/],
  [any, /(^|\.)(position_ids|token_type_ids)$/],
  [any, /(^|\.)(attn|attention|crossattention)\.(masked_bias|causal_mask)$/],
  [any, /(^|\.)num_batches_tracked$/],
];

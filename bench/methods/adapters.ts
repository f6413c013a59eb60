/**
 * An adapter of every method at a real size: r = 16 where the method has a rank and no other default, on a layer of 4096 x 4096.
 */

/** What is merged into which layer. */
export interface Merging {
  readonly name: string;
  /** `peft_type`. */
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly layer: 'Linear' | 'Embedding' | 'LayerNorm';
  /** Rows and columns. */
  readonly size: number;
  readonly note?: string;
  /** Loading counts too: the weight is decomposed, by PEFT when it loads, by Weft when it merges. */
  readonly loading: boolean;
}

const SIZE = 4096;

const linear = (name: string, fields: Readonly<Record<string, unknown>> = {}, type = name): Merging => ({
  name,
  type,
  fields,
  layer: 'Linear',
  size: SIZE,
  loading: false,
});

const DECOMPOSES =
  '1024 x 1024, loading and merging: an exact decomposition of the weight, which takes minutes at 4096';

/** Methods that decompose the weight when they start. */
const decomposing = (name: string, fields: Readonly<Record<string, unknown>> = {}): Merging => ({
  ...linear(name, fields),
  size: 1024,
  loading: true,
  note: DECOMPOSES,
});

const r = 16;

/** Methods that PEFT merges. */
export const mergings: ReadonlyArray<Merging> = [
  linear('LORA', { r }),
  linear('LORA, DoRA', { r, use_dora: true }, 'LORA'),
  linear('ADALORA', { init_r: r, total_step: 100, tinit: 10, tfinal: 10 }),
  decomposing('ADAMSS'),
  linear('BEFT'),
  linear('BOFT'),
  linear('C3A'),
  linear('DEFT', { r }),
  linear('DELORA', { r }),
  linear('FOURIERFT'),
  {
    ...decomposing('FROD', { progressbar: false }),
    note: `${DECOMPOSES}; PEFT's result hangs on its number of threads, which turns signs of eigenvectors`,
  },
  linear('GLORA', { r }),
  linear('GRALORA', { r: 32 }),
  linear('HIRA', { r }),
  linear('HRA', { r }),
  linear('IA3', { feedforward_modules: [] }),
  { ...linear('LN_TUNING'), layer: 'LayerNorm', note: 'a LayerNorm of 4096' },
  linear('LOHA', { r }),
  linear('LOKR', { r }),
  linear('MISS'),
  linear('OFT'),
  decomposing('OSF'),
  linear('PEANUT'),
  {
    ...decomposing('PSOFT'),
    note: `${DECOMPOSES}; results differ by the signs that LAPACK chose`,
  },
  linear('PVERA'),
  linear('RANDLORA'),
  linear('ROAD'),
  linear('SHIRA', { r, random_seed: 0 }),
  linear('SUPERTUNING'),
  decomposing('TINYLORA'),
  {
    ...linear('TRAINABLE_TOKENS', { token_indices: Array.from({ length: 64 }, (_, i) => 4 * i) }),
    layer: 'Embedding',
    note: '64 rows of an embedding of 4096 x 4096',
  },
  linear('UNILORA'),
  linear('VBLORA'),
  linear('VERA'),
  linear('WAVEFT'),
];

const PROMPT = 'acts on prompts, not on weights';
const ROUTED = 'its change depends on the input';

/** Methods that PEFT does not merge, and why. */
export const notMerged: Readonly<Record<string, string>> = {
  ADAPTION_PROMPT: PROMPT,
  CARTRIDGE: PROMPT,
  CPT: PROMPT,
  LILY: ROUTED,
  MULTITASK_PROMPT_TUNING: PROMPT,
  POLY: ROUTED,
  PREFIX_TUNING: PROMPT,
  PROMPT_TUNING: PROMPT,
  P_TUNING: PROMPT,
  SHADOW: 'trains a second model beside the base',
  XLORA: ROUTED,
};

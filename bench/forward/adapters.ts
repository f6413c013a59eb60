/**
 * An adapter of every family of updates.
 */

/** A method, and the fields of its config. */
export interface Example {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** What it does to a weight. */
  readonly family: string;
}

/** One method for each kind of change, on the queries and values, where it has a choice. */
export const examples: ReadonlyArray<Example> = [
  { type: 'LORA', fields: { r: 8 }, family: 'W + s B A' },
  { type: 'LORA', fields: { r: 8, use_dora: true }, family: 'DoRA: m V / ||V||, V = W + s B A' },
  { type: 'LOHA', fields: { r: 8 }, family: 'W + s (B1 A1) (.) (B2 A2)' },
  { type: 'VERA', fields: { r: 64 }, family: 'W + diag(b) B diag(d) A' },
  { type: 'FOURIERFT', fields: { n_frequency: 100 }, family: 'W + s Re F(C)' },
  { type: 'IA3', fields: { feedforward_modules: [] }, family: 'diag(l) W' },
  { type: 'OFT', fields: { r: 0, oft_block_size: 32 }, family: 'W R, R block-diagonal and orthogonal' },
  { type: 'HRA', fields: { r: 8 }, family: 'W H, H a product of reflections' },
];

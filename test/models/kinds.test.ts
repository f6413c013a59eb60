/** Encoders, encoder-decoders and image models against transformers, and what holds for them whatever their weights. */
import { describe, expect, it } from 'vitest';
import { runModel, type ModelInputs } from '../../src/models/any-model.js';
import { read, scope } from '../../src/ops/backend.js';
import { mapRecord, type Shape, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { goldenJson, integers, wave } from './language-models.js';
import { kindInputs, kindOf, kindWeights, type JsonInputs, type Kind } from './kinds.js';

interface Case extends Kind {
  readonly name: string;
  readonly inputs: JsonInputs;
  readonly shape: Shape;
  /** The first 8 channels. */
  readonly output: ReadonlyArray<number>;
}

const cases = goldenJson<ReadonlyArray<Case>>('kinds.json');

const outputOf = (kind: Kind, p: Weights, inputs: () => ModelInputs): Promise<Float32Array> =>
  read(scope(() => runModel(kindOf(kind), p, inputs())));

describe('runModel', () => {
  it.each(cases)('$name gives what transformers computes', async (c) => {
    const channels = c.config?.['num_channels'] as number | undefined;
    const y = runModel(kindOf(c), kindWeights(c), kindInputs(c.inputs, channels));
    expect(y.shape).toEqual(c.shape);
    const few = [...c.shape.slice(0, -1), Math.min(8, c.shape.at(-1)!)];
    const some = tf.slice(
      y,
      few.map(() => 0),
      few,
    );
    expect(await read(some)).toBeAllClose(c.output, { rtol: 1e-5, atol: 1e-5 });
  });
});

const ids = [
  [31, 52, 45, 53],
  [7, 90, 3, 44],
];
const mask = [
  [1, 1, 1, 1],
  [1, 1, 0, 1],
];
const targets = [
  [0, 5, 9],
  [0, 44, 2],
];
const text = (row?: number): ModelInputs => {
  const of = (rows: ReadonlyArray<ReadonlyArray<number>>) => integers(row === undefined ? rows : [rows[row]!]);
  return { inputIds: of(ids), attentionMask: of(mask), decoderInputIds: of(targets) } as ModelInputs;
};

/** Smooth activations: relu has no slope where it bends. */
const kinds: ReadonlyArray<Kind & { readonly inputs: (row?: number) => ModelInputs }> = [
  { base: 'bert', inputs: text },
  { base: 'bert_seqcls', inputs: text },
  { base: 'bert_qa', inputs: text },
  { base: 't5', config: { feed_forward_proj: 'gelu' }, inputs: text },
  { base: 't5', className: 'T5EncoderModel', config: { feed_forward_proj: 'gelu' }, inputs: text },
  {
    base: 'vit',
    inputs: (row) => {
      const both = wave([2, 3, 8, 8], 5);
      return { pixelValues: row === undefined ? both : tf.slice(both, [row, 0, 0, 0], [1, 3, 8, 8]) };
    },
  },
];

describe.each(kinds)('$base $className', (kind) => {
  it('gives each sample of a batch its own output', async () => {
    const p = kindWeights(kind);
    const both = await outputOf(kind, p, () => kind.inputs());
    const alone = [await outputOf(kind, p, () => kind.inputs(0)), await outputOf(kind, p, () => kind.inputs(1))];
    expect(both).toBeAllClose(alone.flatMap((x) => [...x]));
    expect(alone[0]!).not.toBeAllClose(alone[1]!, { atol: 1e-2 });
  });

  it('leaves its weights and no tensors behind', () => {
    const p = kindWeights(kind);
    const inputs = kind.inputs();
    const before = tf.memory().numTensors;
    scope(() => runModel(kindOf(kind), p, inputs)).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has the slope of its output as gradient, along any direction of its weights', async () => {
    const p = kindWeights(kind);
    const inputs = kind.inputs();
    const any = kindOf(kind);
    const loss = (w: Weights) => {
      const y = runModel(any, w, inputs);
      return tf.mean(tf.mul(y, wave(y.shape, 3)));
    };
    const direction = mapRecord(p, (W, key) => wave(W.shape, key.length));
    const along = (h: number) => mapRecord(p, (W, key) => tf.add(W, tf.mul(direction[key] as tf.Tensor, h)));
    const h = 1e-3;
    const [after, before] = [await read(loss(along(h))), await read(loss(along(-h)))];
    const { grads } = valueAndGrad(loss)(p);
    const terms = Object.entries(grads).map(([key, g]) => tf.sum(tf.mul(g, direction[key] as tf.Tensor)));
    const slope = ((after[0] as number) - (before[0] as number)) / (2 * h);
    expect(await read(tf.addN(terms))).toBeAllClose([slope], { rtol: 1e-2, atol: 1e-3 });
    expect(Math.abs(slope)).toBeGreaterThan(1e-2);
  });
});

describe('padding', () => {
  const changed = (inputs: ModelInputs): ModelInputs =>
    ({ ...inputs, inputIds: integers([ids[0]!, [7, 90, 77, 44]]) }) as ModelInputs; // the token that the mask hides

  it.each(['bert_seqcls', 't5'])('of %s is seen by none', async (base) => {
    const p = kindWeights({ base });
    const [a, b] = [await outputOf({ base }, p, () => text()), await outputOf({ base }, p, () => changed(text()))];
    expect(a).toBeAllClose(b, { atol: 1e-6 });
  });

  it.each(['bert_seqcls', 't5'])('of %s is there: without the mask the token counts', async (base) => {
    const p = kindWeights({ base });
    const open = (inputs: ModelInputs): ModelInputs => ({ ...inputs, attentionMask: undefined }) as ModelInputs;
    const a = await outputOf({ base }, p, () => open(text()));
    expect(a).not.toBeAllClose(await outputOf({ base }, p, () => open(changed(text()))), { atol: 1e-2 });
  });
});

describe('inputs that do not fit', () => {
  const run = (kind: Kind, inputs: unknown) => () => runModel(kindOf(kind), kindWeights(kind), inputs as ModelInputs);
  const inputIds = integers([[1, 2]]);

  it('are of another kind', () => {
    const pixelValues = wave([1, 3, 8, 8], 1);
    expect(run({ base: 'bert' }, { pixelValues })).toThrow(
      'inputs: expected inputIds or inputsEmbeds for an encoder, found pixelValues',
    );
    expect(run({ base: 'vit' }, { inputIds })).toThrow(
      'inputs: expected pixelValues for an image model, found inputIds',
    );
    expect(run({ base: 't5' }, { inputIds })).toThrow(/decoderInputIds or decoderInputsEmbeds.*shiftRight/);
    expect(run({ base: 't5' }, { decoderInputIds: inputIds })).toThrow(/inputIds or inputsEmbeds for the encoder/);
    expect(run({ base: 'bert' }, {})).toThrow(/found nothing/);
  });

  it('are of other sizes', () => {
    expect(run({ base: 'bert' }, { inputIds, tokenTypeIds: integers([[0, 1, 1]]) })).toThrow(
      'tokenTypeIds: expected [1, 2], found [1, 3]',
    );
    expect(run({ base: 'bert' }, { inputIds, positionIds: [[0, 64]] })).toThrow(/below 64/);
    expect(run({ base: 'bert' }, { inputIds, attentionMask: integers([[1, 1, 1]]) })).toThrow(/attentionMask/);
    expect(run({ base: 't5' }, { inputIds, decoderInputIds: integers([[1], [2]]) })).toThrow(
      'decoderInputIds: expected 1 sequences, as the encoder read, found 2',
    );
    expect(run({ base: 'vit' }, { pixelValues: wave([1, 3, 8, 4], 1) })).toThrow(
      'pixelValues: expected [B, 3, 8, 8], found [1, 3, 8, 4]',
    );
    expect(run({ base: 'vit' }, { pixelValues: wave([3, 8, 8], 1) })).toThrow(/found \[3, 8, 8\]/);
  });

  it('are a past where there is none', () => {
    const past = [0, 1].map((seed) => ({ k: wave([1, 4, 2, 8], seed), v: wave([1, 4, 2, 8], seed) }));
    expect(run({ base: 't5', className: 'T5EncoderModel' }, { inputIds, past })).toThrow(
      /the encoder of T5 has no past/,
    );
    expect(run({ base: 'bert' }, { inputIds, past: past.slice(1) })).toThrow('past: expected 2 layers, found 1');
  });
});

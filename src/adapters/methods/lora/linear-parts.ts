/**
 * The sites of LoRA on a linear layer, with what each variant brings beside or in place of A and B.
 */
import { E, F } from '../../../fp.js';
import type { ModuleSpec } from '../../../models/spec.js';
import type { Shape } from '../../../ops/tensor.js';
import { fail, type Result } from '../../../problem.js';
import { modelPrefix } from '../../auxiliary.js';
import type { LayoutContext } from '../../method.js';
import type { Part } from '../../site.js';
import type { Residual } from '../../updates/residual.js';
import { blocksOf, type Blocks } from './block-diagonal.js';
import type { LoraConfig } from './config.js';
import { kasaReason, kasaResidual, kasaTensor } from './kasa.js';
import { samplerTensors } from './monteclora.js';
import { biasPart, weightFactors, weightPart, type MoreTensor, type Strength } from './parts.js';
import { startName, takesOut } from './starts.js';
import type { LinearForm, LoraDetail } from './update.js';
import { variantOf } from './variants.js';
import { veloraTensor } from './velora.js';

interface Sizes {
  readonly r: number;
  readonly out: number;
  readonly inputs: number;
}

/** What a variant changes of a linear layer's part. */
interface Shaped {
  readonly A: Shape;
  readonly B: Shape;
  readonly form: LinearForm;
  readonly more?: Readonly<Record<string, MoreTensor>>;
  readonly residual?: Residual;
  readonly reason?: string;
}

const dense = ({ r, out, inputs }: Sizes): Shaped => ({ A: [r, inputs], B: [out, r], form: { _tag: 'Plain' } });

/** QA-LoRA where the file has it, and for new adapters; PEFT has it on quantised layers alone. */
const pooled = (c: LoraConfig, m: ModuleSpec, size: Sizes, shapeOf: LayoutContext['shapeOf']): Result<Shaped> => {
  const g = c.qalora_group_size;
  const stored = shapeOf?.(`${modelPrefix}${m.name}.${weightFactors.A}`);
  if (!c.use_qalora || stored?.[1] === size.inputs) return E.right(dense(size));
  if (g < 1 || size.inputs % g !== 0)
    return fail(
      'adapter_config.json: qalora_group_size',
      `a size that divides the inputs of ${m.name}, ${size.inputs}`,
      `${g}`,
    );
  return E.right({ ...dense(size), A: [size.r, size.inputs / g], form: { _tag: 'Pooled', group: g } });
};

const shapedBy = (c: LoraConfig, m: ModuleSpec, size: Sizes, shapeOf: LayoutContext['shapeOf']): Result<Shaped> => {
  const { r, out, inputs } = size;
  const plain = dense(size);
  switch (variantOf(c)) {
    case undefined:
      return pooled(c, m, size, shapeOf);
    case 'KaSA':
      return E.map((residual: Residual): Shaped => ({
        ...plain,
        form: { _tag: 'Diagonal' },
        more: { q: [...kasaTensor(r), true] },
        residual,
        reason: kasaReason,
      }))(kasaResidual(m, r));
    case 'VeLoRA': {
      const config = c.velora_config as NonNullable<LoraConfig['velora_config']>;
      return E.right({
        ...plain,
        form: { _tag: 'Compressed', config },
        more: { e: [...veloraTensor(config, inputs), false] },
      });
    }
    case 'MonteCLoRA': {
      const config = c.monteclora_config as NonNullable<LoraConfig['monteclora_config']>;
      return E.right({ ...plain, form: { _tag: 'Sampled', config }, more: samplerTensors(config, r) });
    }
    case 'BD-LoRA':
      return E.map((blocks: Blocks | undefined): Shaped => {
        if (blocks === undefined) return plain;
        const k = blocks.count;
        const form = { _tag: 'Blocks', ...blocks } as const;
        return blocks.factor === 'A' ? { ...plain, A: [r, inputs / k], form } : { ...plain, B: [out, r / k], form };
      })(blocksOf(c.use_bdlora as NonNullable<LoraConfig['use_bdlora']>, m.name, size));
    default:
      return E.right(plain);
  }
};

/** What the start of training took out of the base, as far as the base tells. */
const startResidual = (
  c: LoraConfig,
  m: ModuleSpec,
  { r, s }: Strength,
  { out, inputs }: Sizes,
  transposed: boolean,
): Result<Residual | undefined> => {
  const name = startName(c.init_lora_weights);
  const taken = takesOut(c.init_lora_weights);
  if (!taken && name !== 'mica') return E.right(undefined);
  if (r > Math.min(out, inputs))
    return fail(
      'adapter_config.json: r',
      `a rank of at most ${Math.min(out, inputs)} for "${String(c.init_lora_weights)}" on ${m.name}`,
      String(r),
    );
  if (!taken) return E.right(undefined);
  return E.right(
    name === 'olora'
      ? { _tag: 'Residual', of: 'qr', r, s, transposed }
      : { _tag: 'Residual', of: 'leading', r, s: 1, transposed },
  );
};

const startReason = 'its initialisation took a part out of the weight, which depends on the weight';

/** The sites of a Linear, [out, in], or Conv1D, [in, out]. */
export const linearParts = (
  c: LoraConfig,
  { spec, shapeOf }: LayoutContext,
  m: ModuleSpec,
  strength: Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> => {
  const { r, s } = strength;
  const [rows, columns] = m.params['weight'] as readonly [number, number];
  // A guessed Linear may be a Conv1D: then the config knows better than the shapes.
  const transposed = m.kind === 'Conv1D' || (m.inferred === true && c.fan_in_fan_out);
  const [out, inputs] = transposed ? [columns, rows] : [rows, columns];
  const size = { r, out, inputs };
  return F.pipe(
    E.Do,
    E.bind('shaped', () => shapedBy(c, m, size, shapeOf)),
    E.bind('start', () => startResidual(c, m, strength, size, transposed)),
    E.map(({ shaped, start }) => {
      const residual = [start, shaped.residual].filter((u) => u !== undefined);
      const weight = weightPart(spec, {
        module: m.name,
        param: 'weight',
        prefix: m.name,
        A: [weightFactors.A, shaped.A],
        B: [weightFactors.B, shaped.B],
        m: c.use_dora ? [out] : undefined,
        detail: { _tag: 'Linear', s, r, transposed, residual, form: shaped.form },
        ...(shaped.more === undefined ? {} : { more: shaped.more }),
        frozen: variantOf(c) === 'MiCA',
        reason: shaped.reason ?? (start === undefined ? undefined : startReason),
      });
      return c.lora_bias ? [weight, biasPart(m, s, out)] : [weight];
    }),
  );
};

/** Broken forward passes of adapters without merged weights. */
import { weft } from '../../../src/laws/index.js';
import { tf } from '../../../src/ops/tf.js';
import { backwards, forwardMutant, mutant, nothing, ones, withConfig, withFile, zeros } from './alter.js';
import { eachPart, withUpdate, type Mutant } from './mutant.js';

const exchanged = withUpdate((u) =>
  u._tag === 'Prompt' && u.prefix !== undefined ? { ...u, prefix: u.prefix.map(({ k, v }) => ({ k: v, v: k })) } : u,
);

const lastLayerFirst = withUpdate((u) =>
  u._tag === 'Prompt' && u.prefix !== undefined ? { ...u, prefix: u.prefix.toReversed() } : u,
);

const embeddings = /prompt_embeddings$/;

/** One task for the whole batch. */
const oneTask: Mutant['operations'] = {
  attach: (a, w, routing = { taskIds: [0, 0, 0] }) => weft.attach(a, w, routing),
};

export const forwardMutants: ReadonlyArray<Mutant> = [
  forwardMutant('PROMPT_TUNING', 'prompt', 'puts the tokens in reverse', withFile(embeddings, backwards(0))),
  forwardMutant('P_TUNING', 'prompt', 'exchanges the features', withFile(embeddings, backwards(1))),
  forwardMutant(
    'CPT',
    'prompt',
    'adds the tokens to themselves',
    withFile(embeddings, (X) => tf.add(X, X)),
  ),
  forwardMutant('PREFIX_TUNING', 'prompt', 'takes keys for values', exchanged),
  forwardMutant('PREFIX_TUNING', 'prompt', 'numbers the layers from the end', lastLayerFirst),
  forwardMutant('CARTRIDGE', 'prompt', 'takes keys for values', exchanged),
  forwardMutant('MULTITASK_PROMPT_TUNING', 'prompt', 'forgets the tasks', withFile(/task_cols$/, ones)),
  forwardMutant('ADAPTION_PROMPT', 'routed', 'forgets the gate', withFile(/adaption_gate$/, ones)),
  forwardMutant('ADAPTION_PROMPT', 'routed', 'exchanges features', withFile(/adaption_prompt$/, backwards(2))),
  forwardMutant(
    'POLY',
    'routed',
    'forgets to divide by the rank',
    withUpdate((u) => (u._tag === 'Branch' && u.kind === 'PerSample' ? { ...u, s: 1 } : u)),
  ),
  forwardMutant('POLY', 'routed', 'exchanges the skills', withFile(/module_logits$/, backwards(1))),
  forwardMutant(
    'LILY',
    'routed',
    'forgets the scaling',
    withConfig(() => ({ scaling: 1 })),
  ),
  forwardMutant(
    'LILY',
    'routed',
    'mixes the experts evenly',
    withFile(/lily_router/, (X) => tf.zerosLike(X)),
  ),
  forwardMutant(
    'SHADOW',
    'routed',
    'forgets alpha',
    withConfig(() => ({ shadow_alpha: 1 })),
  ),
  forwardMutant('SHADOW', 'routed', 'opens every gate half', withFile(/shadow_update_gate/, zeros)),
  forwardMutant('SHADOW', 'routed', 'exchanges the features of the bottleneck', withFile(/shadow_down/, backwards(1))),
  forwardMutant('SHADOW', 'routed', 'forgets the norm of the shadow', withFile(/shadow_backbone.default.norm/, ones)),
  {
    breaks: 'batch independence',
    method: 'MULTITASK_PROMPT_TUNING',
    mistake: "gives every sample the first one's task",
    algebra: 'prompt',
    operations: oneTask,
  },
  {
    breaks: 'batch independence',
    method: 'POLY',
    mistake: "gives every sample the first one's task",
    algebra: 'routed',
    operations: oneTask,
  },
  {
    breaks: 'batch independence',
    method: 'PROMPT_TUNING',
    mistake: 'reads the first sequence of a batch for all of them',
    algebra: 'prompt',
    operations: {
      run: (spec, p, rows, past) =>
        weft.run(
          spec,
          p,
          rows.map(() => rows[0] ?? []),
          past,
        ),
    },
  },
  {
    breaks: 'decoding',
    method: 'PREFIX_TUNING',
    mistake: 'forgets the past',
    algebra: 'prompt',
    operations: { run: (spec, p, rows) => weft.run(spec, p, rows) },
  },
  {
    breaks: 'decoding',
    method: 'PROMPT_TUNING',
    mistake: 'keeps the past of one sequence for all',
    algebra: 'prompt',
    operations: {
      run: (spec, p, rows, past) => {
        const first = past?.map(({ k, v }) => ({
          k: tf.slice(k, [0, 0, 0, 0], [1, -1, -1, -1]),
          v: tf.slice(v, [0, 0, 0, 0], [1, -1, -1, -1]),
        }));
        return weft.run(spec, p, rows, first);
      },
    },
  },
  {
    breaks: 'decoding',
    method: 'SHADOW',
    mistake: 'forgets what the shadow read',
    algebra: 'routed',
    operations: {
      run: (spec, p, rows, past) => weft.run(spec, p, rows, past?.slice(0, spec.config['num_hidden_layers'] as number)),
    },
  },
  mutant(
    'LORA',
    'dependent',
    'takes nothing out of the base',
    withUpdate(eachPart((u) => (u._tag === 'Residual' ? nothing : u))),
  ),
  mutant('LORA', 'dependent', "forgets KaSA's singular values", withFile(/lora_diag$/, ones)),
];

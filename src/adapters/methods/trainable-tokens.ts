/**
 * Trainable tokens: chosen rows of an embedding are trained and replace the base's, W'[i] = value[i]; a head that shares the
 * weight sees them too.
 *
 * PEFT's own method: https://huggingface.co/docs/peft/package_reference/trainable_tokens
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { normal, split, type Key } from '../../ops/random.js';
import { recordOf } from '../../ops/tensor.js';
import { all, fail, orProblems, type Result } from '../../problem.js';
import { modelPrefix, trainedRows, type AuxiliaryDetail } from '../auxiliary.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { moduleLayout, unfit } from '../module-layout.js';
import type { Part } from '../site.js';
import { targetModules } from '../targeting-fields.js';
import { rowProblems } from '../targets/tokens.js';

const fields = {
  init_weights: field(t.boolean, true),
  target_modules: targetModules.target_modules,
  token_indices: field(t.array(t.Integer, 'a list of token indices'), []),
} as const satisfies Fields;

type TrainableTokensConfig = BaseConfig & Values<typeof fields>;

/** Targets without those that share another target's weight: they see its rows anyway. */
const owners = (spec: ModelSpec, modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<ModuleSpec> => {
  const keyOf = (m: ModuleSpec): string => paramKey(m.name, 'weight');
  const keys = new Set(modules.map(keyOf));
  return modules.filter((m) => ownerOf(spec, keyOf(m)) === keyOf(m) || !keys.has(ownerOf(spec, keyOf(m))));
};

const nameIn = (module: string): string => `${modelPrefix}${module}.trainable_tokens_delta`;

const parts =
  (c: TrainableTokensConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<AuxiliaryDetail>>> =>
    m.kind !== 'Embedding' && m.kind !== 'Linear'
      ? unfit(m, 'an Embedding or a Linear')
      : orProblems(rowProblems(m, c.token_indices, 'adapter_config.json: token_indices'), () =>
          trainedRows(spec, { module: m, rows: c.token_indices, name: nameIn(m.name), aliasName: nameIn }),
        );

/** Trainable tokens. */
export const trainableTokens: Method<TrainableTokensConfig, AuxiliaryDetail> = {
  peftType: 'TRAINABLE_TOKENS',
  reference: 'https://huggingface.co/docs/peft/package_reference/trainable_tokens',
  fields,
  validate: (c) =>
    c.token_indices.length > 0
      ? E.right(c)
      : fail('adapter_config.json: token_indices', 'the rows of the embedding to train', 'none'),
  restructure: (_c, spec) => E.right({ spec, change: undefined }),
  layout: (c, context) => {
    const { spec } = context;
    const target_modules = c.target_modules ?? spec.inputEmbedding ?? 'embed_tokens';
    return moduleLayout({ ...c, target_modules, task_type: null }, context, (modules) =>
      E.map((own: ReadonlyArray<ReadonlyArray<Part<AuxiliaryDetail>>>) => own.flat())(
        all(owners(spec, modules).map(parts(c, spec))),
      ),
    );
  },
  // the base's rows, or normal numbers
  init: (c, { layout, key, weights }) => {
    if (c.init_weights)
      return initParams(layout, key, weights, (site) => {
        throw new TypeError(`${site.key}: every site is of rows`);
      });
    const own = layout.params.filter((p) => p.copyOf === undefined);
    const keys = split(key, Math.max(1, own.length));
    return E.right(recordOf(own.map((p, i) => [p.name, normal(keys[i] as Key, p.shape)] as const)));
  },
  update: (_c, site) => {
    throw new TypeError(`${site.key}: every site is of rows`);
  },
};

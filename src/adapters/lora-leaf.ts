/**
 * LoRA adapters from factors that were found rather than trained.
 */
import { E, F } from '../fp.js';
import { recordOf, sameShape, showShape, type Weights } from '../ops/tensor.js';
import { orProblems, problem, type Result } from '../problem.js';
import type { Leaf } from './adapter.js';
import { decodeConfig, type BaseConfig } from './config.js';
import { makeLeaf } from './leaf.js';
import type { LoraConfig } from './methods/lora/config.js';
import { lora } from './methods/lora/lora.js';
import type { Layout } from './site.js';

/** What a decoded config keeps beside PEFT's fields. */
const beside: ReadonlySet<string> = new Set(['unknown_fields', 'float_paths'] satisfies ReadonlyArray<
  keyof BaseConfig
>);

/** The fields of a decoded config as `init` and `decodeConfig` take them. */
export const configFields = (config: BaseConfig): Readonly<Record<string, unknown>> => ({
  ...config.unknown_fields,
  ...Object.fromEntries(Object.entries(config).filter(([name]) => !beside.has(name))),
});

/**
 * A LoRA adapter of a config and its tensors, in float32.
 *
 * Problems: those of the config on this tree, tensors that it asks for and that are missing or of another shape, others that it does not
 * ask for.
 *
 * @param tree the adapted model's tree, as in a leaf
 * @param tensors by their names in the file; the adapter takes them over
 */
export const loraLeaf = (
  config: Readonly<Record<string, unknown>>,
  tensors: Weights,
  tree: Pick<Leaf, 'spec' | 'change'>,
): Result<Leaf> =>
  F.pipe(
    E.Do,
    E.bind('decoded', () => decodeConfig(lora.fields, { ...config, peft_type: lora.peftType })),
    E.bind('config', ({ decoded }) => lora.validate(decoded.config as LoraConfig)),
    E.bind('layout', ({ config: c }): Result<Layout> =>
      lora.layout(c, {
        spec: tree.spec,
        targets: lora.targets,
        has: (name) => Object.hasOwn(tensors, name),
        shapeOf: (name) => tensors[name]?.shape,
      }),
    ),
    E.chain(({ config: c, layout }) => {
      const wanted = new Map(layout.params.map((p) => [p.name, p]));
      const problems = [
        ...[...wanted.values()].flatMap(({ name, shape, optional }) => {
          const found = tensors[name];
          if (found === undefined ? optional : sameShape(found.shape, shape)) return [];
          return [problem(name, `a tensor ${showShape(shape)}`, found === undefined ? 'none' : showShape(found.shape))];
        }),
        ...Object.keys(tensors).flatMap((name) =>
          wanted.has(name) ? [] : [problem(name, 'a tensor that LoRA has a place for', 'one that it has none for')],
        ),
      ];
      return orProblems(problems, () =>
        makeLeaf({
          method: lora,
          config: c,
          spec: tree.spec,
          change: tree.change,
          layout,
          params: tensors,
          dtypes: recordOf(Object.keys(tensors).map((name) => [name, 'F32'] as const)),
        }),
      );
    }),
  );

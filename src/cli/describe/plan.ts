/**
 * What a merge would do, in words.
 */
import { print } from '../../adapters/print.js';
import type { MergePlan, TensorPlan } from '../../io/merge/plan.js';
import type { OpenModel } from '../../io/model.js';
import { showShape } from '../../ops/tensor.js';
import type { LoadedAdapters } from '../adapters.js';
import type { Report } from '../command.js';
import { showBytes, showMany } from '../quantities.js';
import { printable } from '../style.js';
import { facts, table } from '../table.js';

/** A merge that was planned and not carried out. */
export interface PlannedMerge {
  readonly plan: MergePlan;
  readonly model: OpenModel;
  /** Files beside the weights. */
  readonly beside: ReadonlyArray<{ readonly name: string }>;
  readonly loaded: LoadedAdapters;
  readonly out: string;
}

/** Whether a tensor is in the output but not in the base. */
const isNew = (model: OpenModel, t: TensorPlan): boolean => !model.checkpoint.tensors.has(t.name);

/** The tensors that would change or be added, the files that would be written or copied, and how many bytes that is. */
export const describePlan = ({ plan, model, beside, loaded, out }: PlannedMerge): Report => {
  const tensors = plan.files.flatMap((f) => f.tensors);
  const changed = tensors.filter((t) => t.key !== undefined || isNew(model, t));
  const rewritten = plan.files.filter((f) => !f.same).map((f) => f.name);
  const config = plan.spec.config === model.spec.config ? [] : ['config.json'];
  const copied = [
    ...plan.files.filter((f) => f.same).map((f) => f.name),
    ...beside.map((f) => f.name).filter((name) => !config.includes(name)),
  ];
  return {
    json: {
      dryRun: true,
      out,
      expression: print(loaded.adapter),
      changed: changed.map((t) => ({
        name: t.name,
        dtype: t.stored.dtype,
        shape: t.stored.shape,
        bytes: t.stored.byteLength,
        added: isNew(model, t),
      })),
      changedBytes: plan.changedBytes,
      totalBytes: plan.totalBytes,
      rewritten: [...rewritten, ...config],
      copied,
      warnings: loaded.warnings,
    },
    lines: [
      `would merge ${printable(print(loaded.adapter))} into ${printable(out)}`,
      ...facts([
        [
          'tensors',
          `${changed.length} of ${tensors.length} change (${showBytes(plan.changedBytes)} of ${showBytes(plan.totalBytes)})`,
        ],
        ['rewritten', [...rewritten, ...config].map(printable).join(', ')],
        ['copied', copied.length === 0 ? undefined : copied.map(printable).join(', ')],
      ]),
      ...table(
        changed.map((t) => [
          `  ${isNew(model, t) ? 'new' : 'change'}`,
          printable(t.name),
          t.stored.dtype,
          showShape(t.stored.shape),
          showBytes(t.stored.byteLength),
        ]),
        [4],
      ),
      `nothing was written; ${showMany(changed.length, 'tensor')} would change`,
    ],
  };
};

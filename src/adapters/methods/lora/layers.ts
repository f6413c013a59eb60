/**
 * The layers of a LoRA by form, with their tensors by role.
 */
import { recordOf, type Tensor } from '../../../ops/tensor.js';
import type { Leaf } from '../../adapter.js';
import type { LinearForm, LoraDetail } from './update.js';

type FormOf<K extends LinearForm['_tag']> = Extract<LinearForm, { readonly _tag: K }>;

/** A linear layer of one form with its tensors by role. */
export interface Layer<K extends LinearForm['_tag']> {
  readonly key: string;
  readonly module: string;
  readonly form: FormOf<K>;
  readonly names: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** The linear layers of a LoRA that have a form, in order; none of other methods. */
export const layersOf = <K extends LinearForm['_tag']>(leaf: Leaf, tag: K): ReadonlyArray<Layer<K>> =>
  leaf.method.peftType !== 'LORA'
    ? []
    : leaf.sites.flatMap(({ key, module, tensors, detail }) => {
        const d = detail as LoraDetail;
        return d._tag === 'Linear' && d.form?._tag === tag
          ? [
              {
                key,
                module,
                form: d.form as FormOf<K>,
                names: tensors,
                tensors: recordOf(Object.entries(tensors).map(([role, name]) => [role, leaf.params[name] as Tensor])),
              },
            ]
          : [];
      });

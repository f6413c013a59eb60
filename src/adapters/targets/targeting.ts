/**
 * The fields of an adapter config that say where the adapter acts, under PEFT's names.
 */
import type { ModuleSpec } from '../../models/spec.js';

/** `null` and absence mean the same; lists are sets in PEFT, so their order says nothing. */
export interface Targeting {
  readonly task_type?: string | null;
  /** A regular expression, a list of names, "all-linear", "dummy-target-modules", or null for the architecture's default. */
  readonly target_modules?: string | ReadonlyArray<string> | null;
  readonly exclude_modules?: string | ReadonlyArray<string> | null;
  readonly modules_to_save?: ReadonlyArray<string> | null;
  readonly layers_to_transform?: number | ReadonlyArray<number> | null;
  readonly layers_pattern?: string | ReadonlyArray<string> | null;
  readonly target_parameters?: ReadonlyArray<string> | null;
  readonly trainable_token_indices?: ReadonlyArray<number> | Readonly<Record<string, ReadonlyArray<number>>> | null;
  readonly ensure_weight_tying?: boolean;
}

/** Modules in `named_modules()` order, and things worth telling that are no errors. */
export interface Selected {
  readonly modules: ReadonlyArray<ModuleSpec>;
  readonly warnings: ReadonlyArray<string>;
}

/** Where a field stands, for problems. */
export const fieldAt = (name: keyof Targeting): string => `adapter_config.json: ${name}`;

/** Every suffix of a dotted name at a dot, longest first: `a.b.c`, `b.c`, `c`. */
export const suffixesOf = (name: string): ReadonlyArray<string> => {
  const parts = name.split('.');
  return parts.map((_, i) => parts.slice(i).join('.'));
};

/** PEFT's rule for names in lists: the name itself, or a suffix of it at a dot. */
export const isNamed = (names: ReadonlySet<string>, key: string): boolean => suffixesOf(key).some((s) => names.has(s));

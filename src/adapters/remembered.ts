/**
 * Results that are too dear to compute again for every update.
 */

/** Results for some objects, by how they were asked for, and what is known of these objects with others. */
interface Known<A> {
  readonly results: Map<string, { readonly value: A }>;
  readonly others: WeakMap<object, Known<A>>;
}

const nothing = <A>(): Known<A> => ({ results: new Map(), others: new WeakMap() });

const withOther = <A>({ others }: Known<A>, key: object): Known<A> => {
  const known = others.get(key) ?? nothing<A>();
  others.set(key, known);
  return known;
};

/**
 * A memory of results: what `compute` gave for the same objects in this order (tensors by their `dataId`, whose values never change) and
 * the same `how`, if it `serves`; else it computes, and keeps that instead. Results go when one of the objects does.
 */
export const memory = <A>(): ((
  keys: ReadonlyArray<object>,
  how: string,
  compute: () => A,
  serves?: (value: A) => boolean,
) => A) => {
  const root = nothing<A>();
  return (keys, how, compute, serves = () => true) => {
    const { results } = keys.reduce<Known<A>>(withOther, root);
    const found = results.get(how);
    if (found !== undefined && serves(found.value)) return found.value;
    const value = compute();
    results.set(how, { value });
    return value;
  };
};

/** f with its results kept as long as their arguments live; equal arguments that are different objects count as different. */
export const remembered = <K extends object, A>(f: (key: K) => A): ((key: K) => A) => {
  const known = memory<A>();
  return (key) => known([key], '', () => f(key));
};

/**
 * Results that are too dear to compute again for every update.
 */

/** f with its results kept as long as their arguments live; equal arguments that are different objects count as different. */
export const remembered = <K extends object, A>(f: (key: K) => A): ((key: K) => A) => {
  const results = new WeakMap<K, { readonly value: A }>();
  return (key) => {
    const known = results.get(key) ?? { value: f(key) };
    results.set(key, known);
    return known.value;
  };
};

/**
 * Configs inside LoraConfig (`velora_config` and the like), decoded with PEFT's defaults.
 */
import * as t from 'io-ts';
import { E } from '../../../fp.js';
import type { Fields, Values } from '../../config.js';

/** A codec of an object with known fields: missing ones get their defaults, others fail as they do in PEFT. */
export const nestedConfig = <F extends Fields>(what: string, fields: F): t.Type<Values<F>, Values<F>, unknown> => {
  const names = Object.keys(fields);
  const decode = (u: unknown): Values<F> | undefined => {
    if (!t.UnknownRecord.is(u) || Object.keys(u).some((name) => !names.includes(name))) return undefined;
    const entries = names.map((name) => {
      const field = fields[name] as Fields[string];
      return [name, Object.hasOwn(u, name) ? field.codec.decode(u[name]) : E.right(field.fallback)] as const;
    });
    return entries.some(([, value]) => E.isLeft(value))
      ? undefined
      : (Object.fromEntries(entries.flatMap(([n, v]) => (E.isRight(v) ? [[n, v.right]] : []))) as Values<F>);
  };
  const shown = names.map((name) => `${name} (${(fields[name] as Fields[string]).codec.name})`).join(', ');
  return new t.Type<Values<F>, Values<F>, unknown>(
    `${what}: an object of ${shown}`,
    (u): u is Values<F> => decode(u) !== undefined,
    (u, c) => {
      const value = decode(u);
      return value === undefined ? t.failure(u, c) : t.success(value);
    },
    t.identity,
  );
};

/**
 * An operation on one side: the task names it.
 */
import { onTfjs } from '../on-tfjs.js';
import { operations } from './operations.js';

export const prepare = onTfjs(({ name }, side) => {
  const operation = operations.find((o) => o.name === name);
  if (operation === undefined) throw new Error(`expected an operation, found ${String(name)}`);
  return operation.prepare(side);
});

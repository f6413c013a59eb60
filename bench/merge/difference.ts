/**
 * How far two bf16 checkpoints are apart, read side by side.
 */
import { ulpDifference } from '../../parity/compare.js';
import { openCheckpoint } from '../../src/io/checkpoint.js';
import { orThrow } from '../../parity/or-throw.js';

/** Elements of the tensors, those that differ, and by how many units in the last place at most. */
export interface Difference {
  readonly elements: number;
  readonly different: number;
  readonly maxUlps: number;
}

const MIB = 1 << 20;

/** Compares every tensor of the first folder with the tensor of the same name in the second. Throws where one lacks it. */
export const differenceOf = async (first: string, second: string): Promise<Difference> => {
  const [a, b] = [orThrow(await openCheckpoint(first)), orThrow(await openCheckpoint(second))];
  let total: Difference = { elements: 0, different: 0, maxUlps: 0 };
  for (const [name, { byteLength }] of a.tensors) {
    for (let offset = 0; offset < byteLength; offset += MIB) {
      const length = Math.min(MIB, byteLength - offset);
      const x = orThrow(await a.readRange(name, offset, length));
      const y = orThrow(await b.readRange(name, offset, length));
      const { share, maxUlps } = ulpDifference(x, y);
      total = {
        elements: total.elements + length / 2,
        different: total.different + Math.round((share * length) / 2),
        maxUlps: Math.max(total.maxUlps, maxUlps),
      };
    }
  }
  await Promise.all([a.close(), b.close()]);
  return total;
};

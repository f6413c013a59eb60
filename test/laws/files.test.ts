/** Adapters through folders on disk: what is read and saved again is the same, byte for byte. */
import * as fc from 'fast-check';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leavesOf } from '../../src/adapters/adapter.js';
import { decodeAdapter } from '../../src/adapters/decode.js';
import { E } from '../../src/fp.js';
import { adapterFileNames, readAdapterFiles, saveAdapter } from '../../src/io/peft.js';
import { arena, methodArbitraries, realise, sameBits, snapshot, subjectData } from '../../src/laws/index.js';
import { renderProblems, type Result } from '../../src/problem.js';

const right = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

const from = methodArbitraries['LORA'];
if (from === undefined) throw new Error('no arbitrary for LORA');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-laws-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('keeps every byte of an adapter folder', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(subjectData(from, 'routed', 1), (data) =>
      arena(async () => {
        const [first, second] = [join(folder, `${run}-a`), join(folder, `${run++}-b`)];
        const [leaf] = realise(data).leaves;
        right(await saveAdapter(first, leaf));
        const files = right(await readAdapterFiles(first));
        for (const [name, { dtype, shape, bytes }] of data.adapters[0]?.tensors ?? []) {
          expect(files.tensors.get(name)).toMatchObject({ dtype, shape });
          expect(files.tensors.get(name)?.bytes).toEqual(bytes);
        }
        const decoded = right(decodeAdapter(files, data.base)).adapter;
        expect(leavesOf(decoded)).toHaveLength(1);
        expect(sameBits(await snapshot(decoded.params), await snapshot(leaf.params)).detail).toBe('');
        right(await saveAdapter(second, decoded));
        expect(await readdir(second)).toEqual(await readdir(first));
        for (const name of Object.values(adapterFileNames))
          expect(await readFile(join(second, name))).toEqual(await readFile(join(first, name)));
      }),
    ),
    { numRuns: 100, seed: 17 },
  );
});

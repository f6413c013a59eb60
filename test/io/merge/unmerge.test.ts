/** The engine behind unmerge: comparing without writing, and putting the base back. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mergeable } from '../../../src/adapters/combine.js';
import { E } from '../../../src/fp.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { compareMerge } from '../../../src/io/merge/compare.js';
import { mergeFolder } from '../../../src/io/merge/folder.js';
import { memoryWriter } from '../../../src/io/merge/memory.js';
import { planMerge } from '../../../src/io/merge/plan.js';
import { runMerge } from '../../../src/io/merge/run.js';
import { planRestore } from '../../../src/io/merge/restore-plan.js';
import { checkRestore, restoreFolder } from '../../../src/io/merge/unmerge.js';
import { openModel } from '../../../src/io/model.js';
import { loadAdapter } from '../../../src/io/peft.js';
import { numTensors } from '../../../src/ops/backend.js';
import { bytesOf, golden, llama, readFile } from '../../cli/fixtures.js';
import { temporaryFolder, tree } from '../folder.js';
import { problemsOf, valueOf } from '../result.js';

/** A base, an adapter on it and their merge in memory. */
const mergedInMemory = async (basePath: string, adapterPath: string) => {
  const model = valueOf(await openModel(basePath));
  const adapter = valueOf(mergeable(valueOf(await loadAdapter(adapterPath, model.spec)).adapter));
  const plan = valueOf(planMerge(model.checkpoint, adapter, model.spec));
  const { writer, files } = memoryWriter();
  valueOf(await runMerge(plan, model.checkpoint, adapter, writer));
  return { model, adapter, plan, merged: valueOf(checkpointOf(files.get('model.safetensors')!, 'merged')) };
};

describe('compareMerge', () => {
  it('finds no distance from its own merge, whatever the tiles', async () => {
    const { model, adapter, plan, merged } = await mergedInMemory(llama.base, golden('lm/llama-lora-all-linear'));
    for (const tileBytes of [1, 100, 1 << 20]) {
      const distances = valueOf(await compareMerge(plan, model.checkpoint, adapter, merged, { tileBytes }));
      expect(distances.map((d) => d.name).toSorted()).toEqual(plan.changed.toSorted());
      for (const d of distances) {
        expect(d).toMatchObject({ differing: 0, ulps: 0, error: 0 });
        expect(d.elements * 4).toBe(merged.tensors.get(d.name)!.byteLength);
      }
    }
    await model.checkpoint.close();
  });

  it('finds the distance of every changed tensor from other weights', async () => {
    const { model, adapter, plan } = await mergedInMemory(llama.base, llama.adapter);
    const q = 'model.layers.0.self_attn.q_proj.weight';
    const opened = valueOf(await openModel(llama.base));
    const distances = valueOf(
      await compareMerge(plan, model.checkpoint, adapter, opened.checkpoint, { tileBytes: 64 }),
    );
    const [base, expected] = [
      readFile(join(llama.base, 'model.safetensors')),
      readFile(join(llama.adapter, 'expected.safetensors')),
    ];
    const [w, v] = [base.get(q)!, expected.get(`merged.${q}`)!].map((t) => new Float32Array(t.bytes.buffer));
    const error = w!.reduce((m, x, i) => Math.max(m, Math.abs(x - v![i]!)), 0);
    expect(distances.find((d) => d.name === q)!.error).toBeCloseTo(error, 6);
    await Promise.all([model.checkpoint.close(), opened.checkpoint.close()]);
  });
});

describe('planRestore', () => {
  it('takes from the base what the adapter changed, and the rest from the merged checkpoint', async () => {
    const { model, adapter, merged } = await mergedInMemory(llama.base, llama.adapter);
    const plan = valueOf(planRestore(model, merged, adapter));
    await model.checkpoint.close();
    const tensors = plan.files.flatMap((f) => f.tensors);
    expect(tensors.filter((t) => t.from === 'base').map((t) => t.name)).toEqual(plan.restored);
    expect(plan.restored.toSorted()).toEqual(plan.merge.changed.toSorted());
    expect(tensors).toHaveLength(21);
    expect([plan.moved, plan.restoredBytes, plan.totalBytes]).toEqual([false, 12288, 86656]);
  });
});

describe('checkRestore', () => {
  it('accepts one step of the storage type and no more', async () => {
    const base = golden('bases/llama_fp16');
    const { model, adapter, plan, merged } = await mergedInMemory(base, golden('half/fp16-llama-lora'));
    const key = plan.changed[0]!;
    const bytes = Uint8Array.from(valueOf(await merged.read(key)));
    const largest = new Uint16Array(bytes.buffer).reduce(
      (m, c, i, all) => ((c & 0x7fff) > (all[m]! & 0x7fff) ? i : m),
      0,
    );
    const moved = (steps: number) => {
      const codes = new Uint16Array(bytes.slice().buffer);
      codes[largest]! += steps;
      const changed = new Uint8Array(codes.buffer);
      const read = merged.readRange;
      return {
        ...merged,
        readRange: async (name: string, offset: number, length: number) =>
          name === key ? E.right(changed.subarray(offset, offset + length)) : read(name, offset, length),
      };
    };
    expect(problemsOf(await checkRestore(model, moved(1), adapter))).toEqual([]);
    expect(problemsOf(await checkRestore(model, moved(2), adapter))[0]).toContain('Wrong base or adapter');
    await model.checkpoint.close();
  });
});

describe('restoreFolder', () => {
  it('reports every byte, leaves no tensors, and gives the base in tiles of any size', async () => {
    const { model, adapter } = await mergedInMemory(llama.base, llama.adapter);
    const folder = temporaryFolder();
    valueOf(await mergeFolder(model, llama.base, adapter, join(folder, 'merged')));
    const merged = { folder: join(folder, 'merged'), model: valueOf(await openModel(join(folder, 'merged'))) };
    const before = numTensors();
    const done: number[] = [];
    const options = { tileBytes: 50, onProgress: (p: { readonly doneBytes: number }) => done.push(p.doneBytes) };
    const { plan } = valueOf(
      await restoreFolder(merged, { folder: llama.base, model }, adapter, join(folder, 'out'), options),
    );
    expect(numTensors()).toBe(before);
    expect(done.at(-1)).toBe(plan.totalBytes);
    expect(tree(join(folder, 'out'))).toEqual(['config.json', 'model.safetensors']);
    expect(bytesOf(folder, 'out/model.safetensors').equals(bytesOf(llama.base, 'model.safetensors'))).toBe(true);
    await Promise.all([model.checkpoint.close(), merged.model.checkpoint.close()]);
  });
});

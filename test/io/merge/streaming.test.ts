/** Merging a sharded checkpoint in tiles: what is copied, what changes, and what the tile's size has to do with it. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Adapter, Mergeable } from '../../../src/adapters/adapter.js';
import { compose, mergeable } from '../../../src/adapters/combine.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { mergeFolder } from '../../../src/io/merge/folder.js';
import { fusedKernel } from '../../../src/io/merge/fused.js';
import { memoryWriter } from '../../../src/io/merge/memory.js';
import { planMerge } from '../../../src/io/merge/plan.js';
import { runMerge, type MergeProgress } from '../../../src/io/merge/run.js';
import { distanceOf } from '../../../src/io/merge/ulps.js';
import { openModel, type OpenModel } from '../../../src/io/model.js';
import { loadAdapter } from '../../../src/io/peft.js';
import { lowRank } from '../../../src/adapters/update.js';
import { blocksOf, tfjsKernel } from '../../../src/io/merge/tile.js';
import { numTensors, tensorOf } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { bf16, bytesOf, golden, llama, readFile, sharded } from '../../cli/fixtures.js';
import { temporaryFolder, tree } from '../folder.js';
import { valueOf } from '../result.js';

/** An open model with an adapter; closed after the test. */
const opened = async (base: string, ...adapters: ReadonlyArray<string>) => {
  const model = valueOf(await openModel(base));
  const leaves = await Promise.all(adapters.map(async (path) => valueOf(await loadAdapter(path, model.spec)).adapter));
  return { model, adapter: valueOf(mergeable(compose<Adapter['algebra']>(...leaves))) };
};

/** The files of a merge with tiles of some size. */
const mergedWith = async (model: OpenModel, adapter: Adapter<Mergeable>, tileBytes: number) => {
  const plan = valueOf(planMerge(model.checkpoint, adapter, model.spec));
  const { writer, files } = memoryWriter();
  valueOf(await runMerge(plan, model.checkpoint, adapter, writer, { tileBytes }));
  return { plan, files };
};

describe('a checkpoint of three shards', () => {
  const place = { folder: '', base: '', out: '' };
  /** Attention in the second shard, the embedding and the head in the third, the rest in the first. */
  const shardOf = (name: string): 0 | 1 | 2 => (name.includes('self_attn') ? 1 : /embed|lm_head/.test(name) ? 2 : 0);

  beforeEach(() => {
    const folder = temporaryFolder();
    Object.assign(place, {
      folder,
      base: sharded(llama.base, join(folder, 'base'), shardOf),
      out: join(folder, 'out'),
    });
  });

  it('keeps its layout: files, index, tokenizer, untouched shards', async () => {
    const { model, adapter } = await opened(place.base, llama.adapter);
    valueOf(await mergeFolder(model, place.base, adapter, place.out));
    await model.checkpoint.close();
    expect(tree(place.out)).toEqual(tree(place.base));
    for (const name of tree(place.base))
      expect(bytesOf(place.out, name).equals(bytesOf(place.base, name)), name).toBe(!name.includes('00002-of'));
  });

  it('changes what PEFT changes, and nothing else in the touched shard', async () => {
    const { model, adapter } = await opened(place.base, llama.adapter);
    const plan = valueOf(await mergeFolder(model, place.base, adapter, place.out));
    await model.checkpoint.close();
    const name = 'model-00002-of-00003.safetensors';
    const [merged, base] = [readFile(join(place.out, name)), readFile(join(place.base, name))];
    const expected = readFile(join(llama.adapter, 'expected.safetensors'));
    expect([...merged.keys()]).toEqual([...base.keys()]);
    for (const [key, tensor] of merged) {
      const peft = expected.get(`merged.${key}`);
      expect(plan.changed.includes(key)).toBe(peft !== undefined);
      if (peft === undefined) expect(tensor).toEqual(base.get(key));
      else expect(distanceOf('F32', tensor.bytes, peft.bytes).error).toBeLessThan(1e-6);
    }
  });

  it('gives the bytes of the unsharded merge', async () => {
    const { model, adapter } = await opened(place.base, llama.adapter);
    valueOf(await mergeFolder(model, place.base, adapter, place.out));
    await model.checkpoint.close();
    const single = await opened(llama.base, llama.adapter);
    const { files } = await mergedWith(single.model, single.adapter, 1 << 20);
    await single.model.checkpoint.close();
    const whole = valueOf(checkpointOf(files.get('model.safetensors')!));
    for (const file of tree(place.out).filter((n) => n.endsWith('.safetensors')))
      for (const [key, tensor] of readFile(join(place.out, file)))
        expect(tensor.bytes, key).toEqual(Uint8Array.from(valueOf(await whole.read(key))));
  });

  it('rewrites index and config.json where layers are replicated', async () => {
    const { model, adapter } = await opened(place.base, golden('lm/llama-lora-layer-replication'));
    const plan = valueOf(await mergeFolder(model, place.base, adapter, place.out));
    await model.checkpoint.close();
    const index = JSON.parse(bytesOf(place.out, 'model.safetensors.index.json').toString()) as {
      readonly metadata: { readonly total_size: number };
      readonly weight_map: Readonly<Record<string, string>>;
    };
    expect(index.metadata.total_size).toBe(plan.totalBytes);
    const held = tree(place.out)
      .filter((n) => n.endsWith('.safetensors'))
      .flatMap((file) => [...readFile(join(place.out, file)).keys()].map((key) => [key, file] as const));
    expect(index.weight_map).toEqual(Object.fromEntries(held));
    const again = valueOf(await openModel(place.out));
    await again.checkpoint.close();
    expect(again.spec.modules.map((m) => m.name)).toEqual(plan.spec.modules.map((m) => m.name));
  });

  it('reports every byte once, in order', async () => {
    const { model, adapter } = await opened(place.base, llama.adapter);
    const seen: MergeProgress[] = [];
    const plan = valueOf(
      await mergeFolder(model, place.base, adapter, place.out, { onProgress: (p) => seen.push(p), tileBytes: 512 }),
    );
    await model.checkpoint.close();
    expect(seen.at(-1)).toMatchObject({ doneBytes: plan.totalBytes, totalBytes: plan.totalBytes });
    expect(seen.every((p, i) => i === 0 || p.doneBytes > seen[i - 1]!.doneBytes)).toBe(true);
  });

  it('leaves no tensors behind', async () => {
    const { model, adapter } = await opened(place.base, llama.adapter);
    const before = numTensors();
    valueOf(await mergeFolder(model, place.base, adapter, place.out, { tileBytes: 100 }));
    await model.checkpoint.close();
    expect(numTensors()).toBe(before);
  });
});

describe('the size of tiles', () => {
  it.each([
    ['bases/llama', 'lm/llama-lora-all-linear'],
    ['bases/llama', 'lm/llama-lora-dora'],
    ['bases/llama', 'lm/llama-lora-embedding'],
    ['bases/llama', 'lm/llama-lora-modules-to-save'],
    ['bases/llama', 'lm/llama-lora-trainable-tokens'],
    ['bases/gpt2', 'lm/gpt2-lora-all-linear'],
    ['bases/gpt2', 'lm/gpt2-lora-dora'],
    ['bases/gpt_oss', 'lm/gpt_oss-lora-target-parameters'],
    ['bases/vit', 'task/vit-lora-conv'],
    ['bases/llama_bf16', 'half/bf16-llama-lora'],
    ['bases/llama_fp16', 'half/fp16-llama-dora'],
  ])('does not show in the bytes of %s with %s', async (base, adapterPath) => {
    const { model, adapter } = await opened(golden(base), golden(adapterPath));
    const whole = await mergedWith(model, adapter, 1 << 20);
    for (const tileBytes of [1, 64, 1000]) {
      const tiled = await mergedWith(model, adapter, tileBytes);
      for (const [name, bytes] of whole.files)
        expect(Buffer.from(bytes).equals(tiled.files.get(name)!), `${name} in tiles of ${tileBytes}`).toBe(true);
    }
    await model.checkpoint.close();
  });

  it('does not show for several adapters either', async () => {
    const { model, adapter } = await opened(bf16.base, bf16.adapter, golden('half/bf16-llama-dora'));
    const [small, large] = [await mergedWith(model, adapter, 64), await mergedWith(model, adapter, 1 << 20)];
    await model.checkpoint.close();
    for (const [name, bytes] of large.files) expect(Buffer.from(bytes).equals(small.files.get(name)!)).toBe(true);
  });

  it.each([
    [300, 257, 16, 'tfjs', tfjsKernel],
    [64, 1000, 64, 'tfjs', tfjsKernel],
    [300, 257, 16, 'the fused kernel', fusedKernel],
    [64, 1000, 64, 'the fused kernel', fusedKernel],
  ] as const)('does not show in matrices of [%i, %i] at rank %i with %s', async (rows, columns, r, _, makeKernel) => {
    const wave = (n: number, seed: number): Float32Array =>
      Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));
    const [W, B, A] = [
      wave(rows * columns, 1),
      tensorOf(wave(rows * r, 2), [rows, r]),
      tensorOf(wave(r * columns, 3), [r, columns]),
    ];
    const update = lowRank(B, A, 0.37);
    const shape = [rows, columns];
    const bytes = encodeFloats('F32', W);
    const merged = async (tileBytes: number): Promise<Buffer> => {
      const { grid, blocks } = blocksOf(update, shape, bytes.length, tileBytes);
      const row = 4 * columns;
      const tiles: Uint8Array[] = [];
      const kernel = makeKernel();
      const { merge } = await kernel(update, { dtype: 'F32', shape, grid, tileBytes: row * blocks[0]!.count });
      for (const block of blocks) {
        const part = bytes.subarray(block.start * row, (block.start + block.count) * row);
        tiles.push(new Uint8Array((await merge(block, part)).bytes));
      }
      return Buffer.concat(tiles);
    };
    const whole = await merged(bytes.length);
    for (const tileBytes of [1, 7 * 4 * columns, 65 * 4 * columns])
      expect((await merged(tileBytes)).equals(whole)).toBe(true);
    B.dispose();
    A.dispose();
  });
});

/** Merging in threads: the same bytes whatever their number and pace, the same problems, and nothing left behind. */
import { cpSync, existsSync, openSync, closeSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLanes, writeFolderAtomic } from '#fs';
import type { Adapter, Mergeable } from '../../../src/adapters/adapter.js';
import { compose, mergeable } from '../../../src/adapters/combine.js';
import { E } from '../../../src/fp.js';
import { mergeFolder, type FolderMergeOptions } from '../../../src/io/merge/folder.js';
import { memoryWriter } from '../../../src/io/merge/memory.js';
import { planMerge } from '../../../src/io/merge/plan.js';
import { runMerge, type MergeOptions } from '../../../src/io/merge/run.js';
import type { Lanes, Unit } from '../../../src/io/merge/unit.js';
import { openModel, type OpenModel } from '../../../src/io/model.js';
import { loadAdapter } from '../../../src/io/peft.js';
import { unitRunner } from '../../../src/io/node/run-unit.js';
import { numTensors } from '../../../src/ops/backend.js';
import { openRowMerger, rowMergers } from '../../../src/ops/kernels/merge.js';
import { sizeOf } from '../../../src/ops/tensor.js';
import { fail } from '../../../src/problem.js';
import { bytesOf, editedAdapter, golden, sharded, withValues } from '../../cli/fixtures.js';
import { temporaryFolder, tree } from '../folder.js';
import { problemsOf, valueOf } from '../result.js';

const noFma = E.isLeft(await rowMergers(true));

let three: Lanes;
beforeAll(async () => {
  three = valueOf(await openLanes(3, false)) as Lanes;
});
afterAll(() => three.close());

/** The first lanes of three; the last one is this thread. */
const lanesOf = (count: number): Lanes => ({ ...three, lanes: three.lanes.slice(3 - count) });

const opened = async (base: string, ...adapters: ReadonlyArray<string>) => {
  const model = valueOf(await openModel(base));
  const leaves = await Promise.all(adapters.map(async (path) => valueOf(await loadAdapter(path, model.spec)).adapter));
  return { model, adapter: valueOf(mergeable(compose<Adapter['algebra']>(...leaves))) };
};

/** Files of a merge in this thread, in memory. */
const inMemory = async (model: OpenModel, adapter: Adapter<Mergeable>) => {
  const { writer, files } = memoryWriter();
  const plan = valueOf(planMerge(model.checkpoint, adapter, model.spec));
  return { done: await runMerge(plan, model.checkpoint, adapter, writer), files, plan };
};

/** A merge in lanes into a folder. */
const inFolder = (model: OpenModel, adapter: Adapter<Mergeable>, out: string, options: MergeOptions) =>
  writeFolderAtomic(out, async (writer) =>
    runMerge(valueOf(planMerge(model.checkpoint, adapter, model.spec)), model.checkpoint, adapter, writer, options),
  );

describe('threads', () => {
  it.each([
    ['bases/llama', ['lm/llama-lora-all-linear']],
    ['bases/llama', ['lm/llama-lora-layer-replication']],
    ['bases/llama', ['lm/llama-lora-all-linear', 'lm/llama-lora-default']],
    ['bases/llama', ['lm/llama-lora-dora', 'lm/llama-lora-default']],
    ['bases/llama', ['lm/llama-lora-embedding']],
    ['bases/llama', ['lm/llama-lora-modules-to-save']],
    ['bases/gpt2', ['lm/gpt2-lora-all-linear']],
    ['bases/gpt_oss', ['lm/gpt_oss-lora-target-parameters']],
    ['bases/vit', ['task/vit-lora-conv']],
    ['bases/llama_bf16', ['half/bf16-llama-lora']],
    ['bases/llama_bf16', ['half/bf16-llama-lora', 'half/bf16-llama-dora']],
    ['bases/llama_fp16', ['half/fp16-llama-lora']],
  ] as const)('do not show in the bytes of %s with %s', async (base, adapters) => {
    const { model, adapter } = await opened(golden(base), ...adapters.map(golden));
    const before = numTensors();
    const expected = (await inMemory(model, adapter)).files;
    const folder = temporaryFolder();
    for (const [count, tileBytes] of [
      [1, 1 << 20],
      [2, 1],
      [2, 1000],
      [3, 64],
      [3, 1 << 20],
    ] as const) {
      const out = join(folder, `${count} ${tileBytes}`);
      valueOf(await inFolder(model, adapter, out, { lanes: lanesOf(count), tileBytes }));
      expect(tree(out)).toEqual([...expected.keys()]);
      for (const [name, bytes] of expected)
        expect(bytesOf(out, name).equals(bytes), `${count}, ${tileBytes}`).toBe(true);
    }
    expect(numTensors()).toBe(before);
    await model.checkpoint.close();
  });

  it('do not show in a folder of shards', async () => {
    const folder = temporaryFolder();
    const base = sharded(golden('bases/llama_bf16'), join(folder, 'base'), (name) =>
      name.includes('self_attn') ? 1 : /embed|lm_head/.test(name) ? 2 : 0,
    );
    const { model, adapter } = await opened(base, golden('half/bf16-llama-lora'));
    const told: number[] = [];
    const onProgress = ({ doneBytes }: { readonly doneBytes: number }) => told.push(doneBytes);
    const plan = valueOf(await mergeFolder(model, base, adapter, join(folder, 'one')));
    valueOf(await mergeFolder(model, base, adapter, join(folder, 'two'), { workers: 2, tileBytes: 512, onProgress }));
    await model.checkpoint.close();
    expect(tree(join(folder, 'two'))).toEqual(tree(join(folder, 'one')));
    for (const name of tree(join(folder, 'one')))
      expect(bytesOf(folder, 'two', name).equals(bytesOf(folder, 'one', name)), name).toBe(true);
    expect(told.at(-1)).toBe(plan.totalBytes);
    expect(told.every((n, i) => i === 0 || n > told[i - 1]!)).toBe(true);
  });

  it.skipIf(noFma)('do not show in the bytes of fused multiply-adds either', async () => {
    const folder = temporaryFolder();
    const base = golden('bases/llama');
    const { model, adapter } = await opened(base, golden('lm/llama-lora-all-linear'));
    const file = async (name: string, options: FolderMergeOptions): Promise<Buffer> => {
      valueOf(await mergeFolder(model, base, adapter, join(folder, name), options));
      return bytesOf(folder, name, 'model.safetensors');
    };
    const plain = await file('plain', {});
    const one = await file('one', { fma: true, tileBytes: 1000 });
    const two = await file('two', { fma: true, workers: 2, tileBytes: 64 });
    await model.checkpoint.close();
    expect(two.equals(one)).toBe(true);
    expect(one.equals(plain)).toBe(false);
  });

  it('all work', async () => {
    const { model, adapter } = await opened(golden('bases/llama'), golden('lm/llama-lora-all-linear'));
    const used = new Set<number>();
    const lanes = three.lanes.map(({ run, depth }, i) => ({ depth, run: (unit: Unit) => (used.add(i), run(unit)) }));
    const out = join(temporaryFolder(), 'out');
    valueOf(await inFolder(model, adapter, out, { lanes: { ...three, lanes }, tileBytes: 256 }));
    await model.checkpoint.close();
    expect(used.size).toBe(3);
  });
});

describe('a merge in threads that fails', () => {
  it('tells the first value that is too large, as a merge in one thread does', async () => {
    const broken = temporaryFolder();
    // too large in the last rows, which are no first rows of a piece
    editedAdapter(golden('half/fp16-llama-lora'), join(broken, 'adapter'), {
      tensors: (t) =>
        [...t].forEach(([name, x]) => {
          if (name.includes('lora_B'))
            t.set(
              name,
              withValues(x, (v, i) => (i < sizeOf(x.shape) - 12 ? v : 6e4)),
            );
          else
            t.set(
              name,
              withValues(x, () => 6e4),
            );
        }),
    });
    const { model, adapter: strong } = await opened(golden('bases/llama_fp16'), join(broken, 'adapter'));
    const expected = problemsOf((await inMemory(model, strong)).done);
    expect(expected.join()).toMatch(/element [1-9][0-9]+: expected finite merged values in F16/);
    const folder = temporaryFolder();
    for (const tileBytes of [1, 100, 1 << 20]) {
      const done = await inFolder(model, strong, join(folder, 'out'), { lanes: lanesOf(3), tileBytes });
      expect(problemsOf(done)).toEqual(expected);
    }
    await model.checkpoint.close();
    expect(tree(folder)).toEqual([]);
  });

  it('tells the first problem of the first file, whatever the pace of the threads', async () => {
    const folder = temporaryFolder();
    const base = sharded(golden('bases/llama_bf16'), join(folder, 'base'), (name) => (/mlp/.test(name) ? 1 : 0));
    const { model, adapter } = await opened(base, golden('half/bf16-llama-lora'));
    const first = [...model.checkpoint.files.keys()][0] as string;
    const { length } = bytesOf(base, first);
    for (let round = 0; round < 4; round++) {
      // the end of the first file fails after all others did
      const run = async ({ to, byteLength }: Unit) => {
        const name = to.path.split('/').at(-1) as string;
        await setTimeout(name === first ? 1 : 0);
        return name === first && to.position + byteLength < length ? E.right(-1) : fail(name, 'room', 'none');
      };
      const lanes: Lanes = {
        lanes: Array.from({ length: 3 }, () => ({ run, depth: 2 })),
        close: async () => undefined,
      };
      const done = await inFolder(model, adapter, join(folder, `${round}`), { lanes, tileBytes: 64 });
      expect(problemsOf(done)).toEqual([`${first}: expected room, found none`]);
    }
    await model.checkpoint.close();
  });

  it('tells that a file could not be copied', async () => {
    const folder = temporaryFolder();
    const base = sharded(golden('bases/llama_bf16'), join(folder, 'base'), (name) =>
      /embed|lm_head/.test(name) ? 1 : 0,
    );
    const { model, adapter } = await opened(base, golden('half/bf16-llama-lora'));
    const out = join(folder, 'out');
    const copyFile = async () => fail('a file', 'room for it', 'none');
    const done = await inFolder(model, adapter, out, { lanes: lanesOf(2), copyFile });
    await model.checkpoint.close();
    expect(problemsOf(done)).toEqual(['a file: expected room for it, found none']);
    expect(existsSync(out)).toBe(false);
  });

  it('tells that a file became shorter', async () => {
    const folder = temporaryFolder();
    const base = join(folder, 'base');
    cpSync(golden('bases/llama'), base, { recursive: true });
    const { model, adapter } = await opened(base, golden('lm/llama-lora-all-linear'));
    const file = [...model.checkpoint.files.values()][0]!;
    truncateSync(join(base, file.name), Math.floor(file.source.size / 2));
    const done = await inFolder(model, adapter, join(folder, 'out'), { lanes: lanesOf(2) });
    await model.checkpoint.close();
    expect(problemsOf(done).join()).toContain('the file became shorter while it was read');
    expect(existsSync(join(folder, 'out'))).toBe(false);
    expect(tree(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it.each([
    [
      'a thread that ends',
      (): never => {
        throw new Error('the thread ended');
      },
      {},
    ],
    [
      'an interruption',
      undefined,
      {
        onProgress: (): never => {
          throw new Error('the thread ended');
        },
      },
    ],
  ] as const)('leaves nothing after %s', async (_, broken, options) => {
    const { model, adapter } = await opened(golden('bases/llama'), golden('lm/llama-lora-all-linear'));
    const folder = temporaryFolder();
    const first = three.lanes[0]!;
    let busy = 0;
    const late = <A>(value: Promise<A>) => setTimeout(200).then(() => value);
    const counted = { depth: 2, run: (unit: Unit) => (busy++, late(first.run(unit)).finally(() => busy--)) };
    const lanes = {
      ...three,
      lanes: [counted, broken === undefined ? three.lanes[2]! : { depth: 1, run: async () => broken() }],
    };
    const merge = inFolder(model, adapter, join(folder, 'out'), { lanes, tileBytes: 64, ...options });
    await expect(merge).rejects.toThrow('the thread ended');
    expect(busy).toBe(0);
    await model.checkpoint.close();
    expect(tree(folder)).toEqual([]);
  });
});

describe('one unit', () => {
  const unitIn = (folder: string, to: number): Unit => {
    const path = join(folder, 'from');
    writeFileSync(path, new Uint8Array(100).fill(7));
    return {
      from: { path, descriptor: openSync(path, 'r'), position: 0 },
      to: { path: 'the output', descriptor: to, position: 0 },
      byteLength: 100,
      tileBytes: 30,
    };
  };

  it.runIf(existsSync('/dev/full'))('says that the disk is full', async () => {
    const full = openSync('/dev/full', 'w');
    const unit = unitIn(temporaryFolder(), full);
    const done = unitRunner(await openRowMerger())(unit);
    closeSync(full);
    closeSync(unit.from.descriptor);
    expect(problemsOf(done)).toEqual([
      'the output: expected a file that can be written, found ENOSPC. the disk is full',
    ]);
  });

  it('copies a part of a file to a place in another', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'out');
    const to = openSync(out, 'wx');
    const whole = unitIn(folder, to);
    const unit = { ...whole, from: { ...whole.from, position: 20 }, to: { ...whole.to, position: 5 }, byteLength: 70 };
    expect(unitRunner(await openRowMerger())(unit)).toEqual(E.right(-1));
    closeSync(to);
    closeSync(unit.from.descriptor);
    expect([...bytesOf(out)]).toEqual([...new Uint8Array(5), ...new Uint8Array(70).fill(7)]);
  });
});

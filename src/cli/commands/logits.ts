/**
 * `weft logits`: the forward pass of a model on some tokens, as a safetensors file.
 */
import { statFile, writeFileAtomic } from '#fs';
import type { Adapter } from '../../adapters/adapter.js';
import { apply, attach } from '../../adapters/apply.js';
import type { ModelWeights } from '../../adapters/attached.js';
import { mergeable } from '../../adapters/combine.js';
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import { readWeights } from '../../io/model.js';
import type { ModelFolder } from '../../io/merge/unmerge.js';
import { serialize, type RawTensor } from '../../io/safetensors/write.js';
import { specAfter } from '../../adapters/compile.js';
import { struct } from '../../models/config.js';
import { languageModelOf, modelOf } from '../../models/registry.js';
import type { ModelSpec } from '../../models/spec.js';
import { read, scope, tensorOf, type Backend } from '../../ops/backend.js';
import { encodeFloats } from '../../ops/dtype.js';
import type { Weights } from '../../ops/tensor.js';
import { all, fail, type Result } from '../../problem.js';
import { optionalAdapterList } from '../adapter-options.js';
import { loadAdapters, type AdapterList } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, flag, naturals, text } from '../given.js';
import { measuredRows, startClock } from '../measure.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { withModel } from '../with-model.js';
import type { Session } from '../session.js';
import { checkIds } from '../token-ids.js';

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly ids: ReadonlyArray<number>;
  readonly out: string;
  readonly merged: boolean;
  readonly force: boolean;
  readonly backend: Backend;
}

/** Learned positions end somewhere; a model that is not known is refused when it is to compute. */
const checkLength = (ids: ReadonlyArray<number>, spec: ModelSpec): Result<void> => {
  const model = languageModelOf(spec);
  const positions = E.isRight(model) ? model.right.geometry.positions : undefined;
  return positions !== undefined && ids.length > positions
    ? fail('weft logits: --input-ids', `at most ${positions} tokens`, `${ids.length}`)
    : E.right(undefined);
};

/** An --out that would overwrite something is refused unless told otherwise. */
const checkOut = async ({ out, force }: Options): Promise<Result<void>> => {
  const found = await statFile(out);
  if (E.isLeft(found)) return found;
  const { kind } = found.right;
  return kind === 'missing' || (kind === 'file' && force)
    ? E.right(undefined)
    : fail(
        out,
        'a new file',
        kind === 'file' ? 'a file' : `a ${kind}`,
        kind === 'file' ? 'Choose another name, or add --force.' : '',
      );
};

/** The weights as the model reads them: with the adapter beside them, or merged in float32. */
const adapted = (adapter: Adapter, weights: Weights, merged: boolean): Result<ModelWeights> =>
  merged
    ? E.map((a: Parameters<typeof apply>[0]) => apply(a, weights))(mergeable(adapter))
    : E.right(attach(adapter, weights));

const int64 = (ids: ReadonlyArray<number>): Uint8Array => new Uint8Array(BigInt64Array.from(ids, BigInt).buffer);

const compute = async (base: ModelFolder, adapter: Adapter, options: Options): Promise<Result<RawTensor>> => {
  const forward = modelOf(specAfter(adapter, base.model.spec));
  if (E.isLeft(forward)) return forward;
  const weights = await readWeights(base.model);
  if (E.isLeft(weights)) return weights;
  const computed = scope(() =>
    E.map((p: ModelWeights) =>
      forward.right(p, { inputIds: tensorOf(Int32Array.from(options.ids), [1, options.ids.length]) }),
    )(adapted(adapter, weights.right, options.merged)),
  );
  Object.values(weights.right).forEach((t) => t.dispose());
  if (E.isLeft(computed)) return computed;
  const values = await read(computed.right);
  const { shape } = computed.right;
  computed.right.dispose();
  return E.right({ dtype: 'F32', shape, bytes: encodeFloats('F32', values) });
};

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const out = await checkOut(options);
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.base, async (base) => {
    const loaded = await loadAdapters(options.adapters, base.model.spec);
    const ids = checkIds('weft logits: --input-ids', options.ids, base.model.spec);
    const ready = all<unknown>([out, loaded, ids, checkLength(options.ids, base.model.spec)]);
    if (E.isLeft(ready)) return ready;
    if (E.isLeft(loaded)) return loaded;
    loaded.right.warnings.forEach(session.warn);
    const { adapter } = loaded.right;
    const clock = startClock();
    const computed = await compute(base, adapter, options);
    if (E.isLeft(computed)) return computed;
    const measured = clock(computed.right.bytes.length);
    const input: RawTensor = { dtype: 'I64', shape: [1, options.ids.length], bytes: int64(options.ids) };
    const file = serialize(
      new Map([
        ['logits', computed.right],
        ['input_ids', input],
      ]),
      undefined,
      options.out,
    );
    if (E.isLeft(file)) return file;
    const written = await writeFileAtomic(options.out, file.right);
    if (E.isLeft(written)) return written;
    return E.right({
      json: {
        out: options.out,
        shape: computed.right.shape,
        expression: print(adapter),
        merged: options.merged,
        seconds: measured.seconds,
        peakRssBytes: measured.peakRssBytes,
        warnings: loaded.right.warnings,
      },
      lines: [
        `logits ${printable(options.out)}`,
        ...facts([
          ['shape', `[${computed.right.shape.join(', ')}] F32`],
          ['adapter', printable(`${print(adapter)}${options.merged ? ', merged' : ', attached'}`)],
          ...measuredRows(measured),
        ]),
      ],
    });
  });
};

/** Runs a model's forward pass. */
export const logits = command<Options>({
  decode: (given) =>
    struct<{ [K in keyof Options]: Options[K] }>({
      base: text(given, 'base', 'the folder of the base model'),
      adapters: optionalAdapterList(given),
      ids: naturals(given, 'input-ids', 'token ids, separated by commas'),
      out: text(given, 'out', 'a path for a new safetensors file'),
      merged: E.right(flag(given, 'merged')),
      force: E.right(flag(given, 'force')),
      backend: backend(given),
    }),
  run,
});

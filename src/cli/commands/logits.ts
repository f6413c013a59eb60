/**
 * `weft logits`: the forward pass of a model on tokens or images, as a safetensors file.
 */
import { statFile, writeFileAtomic } from '#fs';
import type { Adapter } from '../../adapters/adapter.js';
import { apply, attach } from '../../adapters/apply.js';
import type { ModelWeights } from '../../adapters/attached.js';
import { mergeable } from '../../adapters/combine.js';
import type { Routing } from '../../adapters/method.js';
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import { readWeights } from '../../io/model.js';
import type { ModelFolder } from '../../io/merge/unmerge.js';
import { serialize, type RawTensor } from '../../io/safetensors/write.js';
import { specAfter } from '../../adapters/compile.js';
import { struct } from '../../models/config.js';
import { runModel, type AnyModel } from '../../models/any-model.js';
import { anyModelOf } from '../../models/registry.js';
import { isBaseClass } from '../../models/spec/architecture.js';
import type { ModelSpec } from '../../models/spec.js';
import { dispose, read, scope, type Backend } from '../../ops/backend.js';
import { encodeFloats } from '../../ops/dtype.js';
import type { Weights } from '../../ops/tensor.js';
import { all, fail, type Result } from '../../problem.js';
import { optionalAdapterList } from '../adapter-options.js';
import { loadAdapters, type AdapterList } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, flag, text } from '../given.js';
import { measuredRows, startClock } from '../measure.js';
import { givenInputs, readInputs, uploadInputs, type GivenInputs, type InputTensors } from '../model-inputs.js';
import { givenTask, routingFor } from '../routing.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { withModel } from '../with-model.js';
import type { Session } from '../session.js';

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly inputs: GivenInputs;
  readonly task: number | undefined;
  readonly out: string;
  readonly merged: boolean;
  readonly force: boolean;
  readonly backend: Backend;
}

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

/** The tokens of every sequence that the model reads, where there are any. */
const sequencesOf = (inputs: InputTensors): ReadonlyArray<ReadonlyArray<number>> | undefined => {
  const ids = inputs.get('input_ids');
  if (ids === undefined) return undefined;
  const [rows = 0, width = 0] = ids.shape;
  const values = Array.from(new BigInt64Array(ids.bytes.slice().buffer), Number);
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width));
};

/** How an adapter is put to the weights. */
interface Reading {
  readonly merged: boolean;
  readonly routing: Routing;
}

/** The weights as the model reads them: with the adapter beside them, or merged in float32. */
const adapted = (adapter: Adapter, weights: Weights, { merged, routing }: Reading): Result<ModelWeights> =>
  merged
    ? E.map((a: Parameters<typeof apply>[0]) => apply(a, weights))(mergeable(adapter))
    : E.right(attach(adapter, weights, routing));

/** What the class of a model computes, by transformers' name. */
const outputName = ({ className }: ModelSpec): string =>
  className !== undefined && isBaseClass(className) ? 'last_hidden_state' : 'logits';

const compute = async (
  base: ModelFolder,
  any: AnyModel,
  adapter: Adapter,
  inputs: InputTensors,
  reading: Reading,
): Promise<Result<RawTensor>> => {
  const weights = await readWeights(base.model);
  if (E.isLeft(weights)) return weights;
  const computed = scope(() =>
    E.map((p: ModelWeights) => runModel(any, p, uploadInputs(inputs)))(adapted(adapter, weights.right, reading)),
  );
  dispose(weights.right);
  if (E.isLeft(computed)) return computed;
  const values = await read(computed.right);
  const { shape } = computed.right;
  computed.right.dispose();
  return E.right({ dtype: 'F32', shape, bytes: encodeFloats('F32', values) });
};

/** The adapter, the model that it makes, and what that is to read. */
const prepare = async (options: Options, spec: ModelSpec) => {
  const out = await checkOut(options);
  const loaded = await loadAdapters(options.adapters, spec);
  const after = E.map((a: { readonly adapter: Adapter }) => specAfter(a.adapter, spec))(loaded);
  const model = E.chain(anyModelOf)(after);
  const inputs = E.isLeft(model) ? model : await readInputs('logits', model.right, spec, options.inputs);
  const routing = E.isLeft(loaded)
    ? loaded
    : E.chain((read_: InputTensors) => routingFor('logits', loaded.right.leaves, options.task, sequencesOf(read_)))(
        inputs,
      );
  const ready = all<unknown>([out, E.isLeft(loaded) ? loaded : E.isLeft(inputs) ? inputs : routing]);
  if (E.isLeft(ready)) return ready;
  return struct({ loaded, model, inputs, routing });
};

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.base, async (base) => {
    const prepared = await prepare(options, base.model.spec);
    if (E.isLeft(prepared)) return prepared;
    const { loaded, model, inputs, routing } = prepared.right;
    loaded.warnings.forEach(session.warn);
    const { adapter } = loaded;
    const clock = startClock();
    const computed = await compute(base, model, adapter, inputs, { merged: options.merged, routing });
    if (E.isLeft(computed)) return computed;
    const measured = clock(computed.right.bytes.length);
    const name = outputName(base.model.spec);
    const file = serialize(new Map([[name, computed.right], ...inputs]), undefined, options.out);
    if (E.isLeft(file)) return file;
    const written = await writeFileAtomic(options.out, file.right);
    if (E.isLeft(written)) return written;
    return E.right({
      json: {
        out: options.out,
        output: name,
        shape: computed.right.shape,
        expression: print(adapter),
        merged: options.merged,
        seconds: measured.seconds,
        peakRssBytes: measured.peakRssBytes,
        warnings: loaded.warnings,
      },
      lines: [
        `${name} ${printable(options.out)}`,
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
      inputs: givenInputs(given),
      task: givenTask(given),
      out: text(given, 'out', 'a path for a new safetensors file'),
      merged: E.right(flag(given, 'merged')),
      force: E.right(flag(given, 'force')),
      backend: backend(given),
    }),
  run,
});

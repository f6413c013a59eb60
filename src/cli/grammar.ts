/**
 * What the command line says: every command with its operands and options.
 *
 * It stands apart from what the commands do, so that help and version load no tensors: a command's code comes with its first run.
 */
import type { Command as Commander } from 'commander';
import type { Execute } from './command.js';
import { repeated } from './repeated.js';

/** One verb of the program. */
export interface Command {
  readonly name: string;
  /** Adds summary, operands and options to the parser. */
  readonly declare: (parser: Commander) => Commander;
  /** Loads what the command does. */
  readonly load: () => Promise<Execute>;
}

const withBase = (parser: Commander): Commander => parser.option('--base <dir>', 'folder of the base model (required)');

const withExperts = (parser: Commander): Commander =>
  parser.option(
    '--expert <name=dir>',
    'folder of an expert of X-LoRA that is not inside its folder; repeat it for several',
    repeated,
  );

const withAdapters = (parser: Commander): Commander =>
  withExperts(
    parser
      .option('--adapter <dir>', 'folder of a PEFT adapter (required); repeat it to apply several in order', repeated)
      .option('--scale <number>', 'factor on the change of an additive adapter; one for all or one each', repeated)
      .option('--untie', 'store a tied head apart from its embedding, so that only the adapted one changes'),
  );

const withOut = (parser: Commander): Commander =>
  parser.option('--out <dir>', 'new or empty folder for the result (required)');

const withInputIds = (parser: Commander): Commander =>
  parser.option('--input-ids <ids>', 'token ids, separated by commas (required)');

const withTask = (parser: Commander): Commander =>
  parser.option('--task-id <n>', 'task of the text, for adapters that route by task (Poly, multitask prompt tuning)');

const withBackend = (parser: Commander): Commander =>
  parser.option('--backend <name>', 'wasm (default), cpu or webgpu');

const withWorkers = (parser: Commander): Commander =>
  parser.option('--workers <n>', 'threads that merge; one a core and 4 at most by default');

const withKernel = (parser: Commander): Commander =>
  withWorkers(parser).option(
    '--fma',
    'merge with fused multiply-adds: a quarter faster, but single results may differ by one step from machine to machine',
  );

const inspect: Command = {
  name: 'inspect',
  declare: (parser) =>
    withExperts(
      parser
        .description('say what a model folder, an adapter folder or a safetensors file is')
        .argument('<path>', 'the folder or file')
        .option('--base <dir>', 'check an adapter against this base model'),
    ),
  load: async () => (await import('./commands/inspect.js')).inspect,
};

const merge: Command = {
  name: 'merge',
  declare: (parser) => {
    parser.description('merge adapters into a base model and write the result as a model folder');
    withOut(withAdapters(withBase(parser)))
      .option('--dry-run', 'show what would change, write nothing')
      .option('--no-sync', 'do not wait for the disk; a crash of the system soon afterwards may leave files empty');
    return withBackend(withKernel(parser));
  },
  load: async () => (await import('./commands/merge.js')).merge,
};

const unmerge: Command = {
  name: 'unmerge',
  declare: (parser) => {
    parser
      .description('take an adapter out of a merged model; bit for bit with --base, by subtraction without')
      .option('--merged <dir>', 'folder of the merged model (required)');
    withOut(withAdapters(parser).option('--base <dir>', 'folder of the base model'));
    return withBackend(withWorkers(parser));
  },
  load: async () => (await import('./commands/unmerge.js')).unmerge,
};

const convert: Command = {
  name: 'convert',
  declare: (parser) => {
    parser.description('write an adapter as a LoRA adapter, with the error of each module');
    withOut(withAdapters(withBase(parser)))
      .option('--rank <n>', 'rank of every module')
      .option('--energy <number>', 'the smallest ranks that hold this share of each change, in (0, 1]');
    return withBackend(parser);
  },
  load: async () => (await import('./commands/convert.js')).convert,
};

const verify: Command = {
  name: 'verify',
  declare: (parser) => {
    parser.description('check the laws of adapters on an adapter and its base; exit code 3 when one is broken');
    return withBackend(withAdapters(withBase(parser)));
  },
  load: async () => (await import('./commands/verify.js')).verify,
};

const logits: Command = {
  name: 'logits',
  declare: (parser) => {
    parser.description('run a model on token ids or images and write its logits');
    withAdapters(withBase(parser))
      .option('--input-ids <ids>', 'token ids, separated by commas; of the encoder where there is a decoder too')
      .option('--decoder-input-ids <ids>', "the decoder's token ids")
      .option('--token-type-ids <ids>', 'the sentence of each token; all 0 by default')
      .option('--pixel-values <file>', 'safetensors file with pixel_values, for image models')
      .option('--out <file>', 'safetensors file for logits and what the model read (required)')
      .option('--merged', 'merge the adapter first instead of running it beside the weights')
      .option('--force', 'replace the file at --out');
    return withBackend(withTask(parser));
  },
  load: async () => (await import('./commands/logits.js')).logits,
};

const generate: Command = {
  name: 'generate',
  declare: (parser) => {
    parser.description(
      'continue token ids, or answer them with an encoder-decoder; the most probable tokens, or sampled',
    );
    withInputIds(withAdapters(withBase(parser)))
      .option('--max-new-tokens <n>', 'tokens at most, 20 by default')
      .option('--temperature <number>', 'sample from softmax(logits / temperature); 0 takes the most probable token')
      .option('--top-k <n>', 'sample from the n most probable tokens')
      .option('--top-p <number>', 'sample from the fewest tokens whose probabilities add up to this')
      .option('--seed <n>', 'seed of the samples, 0 by default; the same seed gives the same tokens')
      .option('--eos-token-id <ids>', 'tokens that end the text, those of config.json by default');
    return withBackend(withTask(parser));
  },
  load: async () => (await import('./commands/generate.js')).generate,
};

/** Every command, in the order of the help. */
export const commands: ReadonlyArray<Command> = [inspect, merge, unmerge, convert, verify, logits, generate];

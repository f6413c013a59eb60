/**
 * The main job, on a small trained model and two PEFT adapters that lie in examples/data: load, apply, check the laws, undo
 * bit for bit, compose two adapters, write a merged model folder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { either as E, function as F } from 'fp-ts';
import * as weft from 'weftjs';
import { checkAdapter } from 'weftjs/laws';

const data = fileURLToPath(new URL('data', import.meta.url));
const started = performance.now();
const say = (what: string): void => console.log(`${((performance.now() - started) / 1000).toFixed(2)} s  ${what}`);

/** The value of a result; an example stops at the first problem. */
const must = <A>(result: weft.Result<A>): A =>
  F.pipe(
    result,
    E.getOrElseW((problems): never => {
      throw new Error(weft.renderProblems(problems));
    }),
  );

say(`backend ${must(await weft.useBackend('wasm'))}`);

const model = must(await weft.openModel(join(data, 'base')));
const weights = must(await weft.readWeights(model));
const elements = Object.values(weights).reduce((n, w) => n + w.size, 0);
say(`base: ${model.spec.modelType}, ${elements} parameters in ${model.checkpoint.files.size} shards`);

/** The letters with which the model continues "a>", "b>" and "k>". */
const answers = async (w: weft.ModelWeights): Promise<string> => {
  const letters: string[] = [];
  for (const letter of 'abk') {
    const ids = weft.tensorOf(Int32Array.of(letter.charCodeAt(0), '>'.charCodeAt(0)), [1, 2]);
    const logits = weft.scope(() => weft.forward(model.spec, w, { inputIds: ids }));
    const last = (await weft.read(logits)).slice(-128);
    letters.push(`${letter}>${String.fromCharCode(last.indexOf(Math.max(...last)))}`);
    weft.dispose({ ids, logits });
  }
  return letters.join(' ');
};
say(`base says ${await answers(weights)}`);

const load = async (name: string): Promise<weft.Leaf> =>
  must(await weft.loadAdapter(join(data, name), model.spec)).adapter;
const seven = must(weft.additive(await load('caesar-7')));
const upper = must(weft.additive(await load('upper')));
say(`adapter ${weft.print(seven)}, ${weft.countTrainable(seven)} parameters`);

const merged = weft.apply(seven, weights);
say(`merged says ${await answers(merged)}, attached says ${await answers(weft.attach(seven, weights))}`);

const undone = weft.unapply(seven, merged, weights);
say(`unapply gives the base back, bit for bit: ${Object.keys(weights).every((k) => undone[k] === weights[k])}`);

const verdicts = await checkAdapter({ base: model.spec, weights, adapters: [seven, upper] });
const broken = verdicts.filter((v) => !v.holds);
say(`laws: ${verdicts.length - broken.length} hold, ${broken.length} broken`);
if (broken.length > 0) throw new Error(broken.map((v) => `${v.law}: ${v.detail}`).join('\n'));

const both = weft.sum(seven, weft.scale(0.5, upper));
say(`${weft.print(both)} says ${await answers(weft.attach(both, weights))}`);
const inTurn = weft.compose(seven, upper);

const folder = await mkdtemp(join(tmpdir(), 'weft-'));
const out = join(folder, 'merged');
const plan = must(await weft.mergeFolder(model, join(data, 'base'), inTurn, out));
const reopened = must(await weft.openModel(out));
const stored = must(await weft.readWeights(reopened));
say(
  `wrote ${plan.files.length} shards with ${plan.changed.length} merged tensors; read back, they say ${await answers(stored)}`,
);
await Promise.all([reopened.checkpoint.close(), model.checkpoint.close()]);
await rm(folder, { recursive: true });
say('done');

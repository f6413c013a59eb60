/**
 * Adapters as files.
 */
import { sameAdapter, type Leaf } from '../../adapters/adapter.js';
import type { AdapterFiles } from '../../adapters/decode.js';
import { readAll, type EncodedAdapter } from '../../io/peft.js';
import { checkpointOf } from '../../io/checkpoint.js';
import { parsePythonJson } from '../../io/json.js';
import { E } from '../../fp.js';
import { renderProblems, type Problems, type Result } from '../../problem.js';
import { sameBits, snapshot } from '../compare.js';
import { law } from '../law.js';
import { broken, expect, together } from '../verdict.js';

/** Parses the files of an adapter, and of those inside it, without a folder. */
export const parseFiles = async ({ config, tensors, nested = {} }: EncodedAdapter): Promise<Result<AdapterFiles>> => {
  const json = parsePythonJson(config, 'adapter_config.json');
  if (E.isLeft(json)) return json;
  const checkpoint = checkpointOf(tensors, 'adapter_model.safetensors');
  if (E.isLeft(checkpoint)) return checkpoint;
  const all = await readAll(checkpoint.right);
  if (E.isLeft(all)) return all;
  const own = { config: json.right.value, floats: json.right.floats, tensors: all.right };
  const inner = new Map<string, AdapterFiles>();
  for (const [name, files] of Object.entries(nested)) {
    const parsed = await parseFiles(files);
    if (E.isLeft(parsed)) return parsed;
    inner.set(name, parsed.right);
  }
  return E.right(inner.size === 0 ? own : { ...own, nested: inner });
};

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const refused = (what: string, problems: Problems) => broken(`${what}: ${renderProblems(problems)}`);

/** What only says how a file spelled a config. */
const spelling: ReadonlySet<string> = new Set(['float_paths', 'floats', 'inference_mode']);

/** A JSON value with its keys in order, as Python writes them, without what is mere spelling. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([k]) => !spelling.has(k))
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value;

const meaning = (leaf: Leaf): unknown => sorted(leaf.config);

/** What is written is read back as the same adapter, and written again as the same bytes. */
export const filesLaw = law(
  'files',
  'decode(encode(a)) = a bit for bit, and encode(decode(f)) = f byte for byte for f = encode(a)',
  { atMost: 'routed' },
  async ({ operations, leaves: [leaf], base }) => {
    const written = await operations.encode(leaf);
    if (E.isLeft(written)) return refused('encode', written.left);
    const files = await parseFiles(written.right);
    if (E.isLeft(files)) return refused('parse', files.left);
    const decoded = operations.decode(files.right, base);
    if (E.isLeft(decoded)) return refused('decode', decoded.left);
    const again = decoded.right.adapter;
    const rewritten = await operations.encode(again);
    if (E.isLeft(rewritten)) return refused('encode again', rewritten.left);
    return together([
      sameBits(await snapshot(again.params), await snapshot(leaf.params)),
      expect(
        sameAdapter(
          { ...again, params: leaf.params, config: meaning(again) as never },
          { ...leaf, config: meaning(leaf) as never },
        ),
        `expected the config ${JSON.stringify(meaning(leaf))}, found ${JSON.stringify(meaning(again))}`,
      ),
      expect(
        JSON.stringify(again.dtypes) === JSON.stringify(leaf.dtypes) && again.algebra === leaf.algebra,
        `expected dtypes ${JSON.stringify(leaf.dtypes)} and a ${leaf.algebra} adapter, found ${JSON.stringify(again.dtypes)} and ${again.algebra}`,
      ),
      expect(
        rewritten.right.config === written.right.config,
        'expected the same adapter_config.json when written again',
      ),
      expect(
        sameBytes(rewritten.right.tensors, written.right.tensors),
        'expected the same tensor bytes when written again',
      ),
    ]);
  },
);

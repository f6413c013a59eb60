/**
 * The option --expert: folders of adapters inside an adapter (X-LoRA's experts), where they are not inside its own.
 */
import { E } from '../fp.js';
import { recordOf } from '../ops/tensor.js';
import { all, fail, problem, type Problem, type Result } from '../problem.js';
import { values, type Given } from './given.js';

/** Folders by the expert's name. */
export type Experts = Readonly<Record<string, string>>;

/** Decodes `<name>=<dir>`, any number of times; the last one of a name counts. */
export const givenExperts = (given: Given): Result<Experts> =>
  E.map((entries: ReadonlyArray<readonly [string, string]>): Experts => recordOf(entries))(
    all(
      values(given, 'expert').map((value) => {
        const at = value.indexOf('=');
        return at > 0 && at < value.length - 1
          ? E.right([value.slice(0, at), value.slice(at + 1)] as const)
          : fail(`weft ${given.command}: --expert`, 'a name and a folder, <name>=<dir>', JSON.stringify(value));
      }),
    ),
  );

/** Problems of names that no adapter has an expert of. */
export const unknownExperts = (experts: Experts, known: ReadonlyArray<string>): ReadonlyArray<Problem> =>
  Object.keys(experts)
    .filter((name) => !known.includes(name))
    .map((name) =>
      problem(
        '--expert',
        known.length === 0 ? 'an adapter with experts (X-LoRA)' : `one of the experts ${known.join(', ')}`,
        JSON.stringify(name),
      ),
    );

/**
 * The options that name adapters, shared by the commands that apply them.
 */
import { E } from '../fp.js';
import { struct } from '../models/config.js';
import { fail, type Result } from '../problem.js';
import type { AdapterList } from './adapters.js';
import { givenExperts } from './experts.js';
import { flag, numbers, texts, values, type Given } from './given.js';

/** One factor for all adapters or one each. */
const fitting = (given: Given, list: AdapterList): Result<AdapterList> =>
  list.scales.length <= 1 || list.scales.length === list.folders.length
    ? E.right(list)
    : fail(
        `weft ${given.command}: --scale`,
        `one number, or one for each of ${list.folders.length} adapters`,
        `${list.scales.length} numbers`,
      );

const listOf = (given: Given, folders: Result<ReadonlyArray<string>>): Result<AdapterList> =>
  E.chain((list: AdapterList) => fitting(given, list))(
    struct<{ [K in keyof AdapterList]: AdapterList[K] }>({
      folders,
      scales: numbers(given, 'scale'),
      untie: E.right(flag(given, 'untie')),
      experts: givenExperts(given),
    }),
  );

/** Decodes them; at least one adapter must be there. */
export const adapterList = (given: Given): Result<AdapterList> =>
  listOf(given, texts(given, 'adapter', 'the folder of a PEFT adapter'));

/** Decodes them where no adapter is an answer too. */
export const optionalAdapterList = (given: Given): Result<AdapterList> =>
  values(given, 'adapter').length === 0
    ? E.right({ folders: [], scales: [], untie: false, experts: {} })
    : adapterList(given);

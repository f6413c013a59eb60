/**
 * Every operation that is measured.
 */
import { dtypeOperations } from './dtype.js';
import { layerOperations } from './layers.js';
import type { Operation } from './operation.js';
import { trainingOperations } from './training.js';
import { updateOperations } from './update.js';

/** The operations in the order of the table. */
export const operations: ReadonlyArray<Operation> = [
  ...updateOperations,
  ...layerOperations,
  ...trainingOperations,
  ...dtypeOperations,
];

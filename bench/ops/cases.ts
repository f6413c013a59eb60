/**
 * Every operation that is measured.
 */
import type { Case } from './case.js';
import { dtypeCases } from './dtype.js';
import { layerCases } from './layers.js';
import { llamaCases } from './llama.js';
import { matMulCases } from './mat-mul.js';
import { updateCases } from './update.js';

/** The cases in the order of the table. */
export const cases: ReadonlyArray<Case> = [...llamaCases, ...matMulCases, ...updateCases, ...layerCases, ...dtypeCases];

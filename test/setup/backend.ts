/**
 * Runs a test file on its project's backend.
 */
import { afterEach, expect, inject } from 'vitest';
import { E } from '../../src/fp.js';
import { gpuErrors, useBackend, type Backend } from '../../src/ops/backend.js';
import { renderProblems } from '../../src/problem.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The backend of the project that runs. */
    readonly backend: Backend;
  }
}

const started = await useBackend(inject('backend'), { gpuOnly: true });
if (E.isLeft(started)) throw new Error(renderProblems(started.left));

// A GPU kernel that failed leaves data that may look right.
afterEach(() => expect(gpuErrors(), 'GPU errors').toEqual([]));

import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** One project a backend; tests read its name with `inject('backend')`. */
const project = (
  backend: 'wasm' | 'cpu' | 'webgpu',
  include: ReadonlyArray<string>,
  exclude: ReadonlyArray<string> = [],
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name: backend, include: [...include], exclude: [...exclude], provide: { backend } },
});

/** Tests that do not depend on the backend: once is enough. */
const once = [
  'test/bench/**',
  'test/examples.test.ts',
  'test/ops/torch-random/**',
  'test/adapters/targets/**',
  'test/models/spec*/**',
  'test/models/spec-of.test.ts',
];

/** Host routines and long compositions of small operations, minutes of time on a software GPU. */
const notOnGpu = ['test/ops/torch-random/**', 'test/ops/linalg/**', 'test/ops/wavelets/**', 'test/ops/dtype.test.ts'];

const conditions = ['weft-source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    environment: 'node',
    // Files of one project share a process and its imports: loading a backend takes longer than most tests.
    isolate: false,
    // All cores: by default one is left idle, half of a small machine.
    maxWorkers: '100%',
    setupFiles: ['test/setup/seed.ts', 'test/setup/matchers.ts', 'test/setup/backend.ts'],
    testTimeout: 60_000,
    projects: [
      project('wasm', ['test/**/*.test.ts']),
      project('cpu', ['test/**/*.test.ts'], once),
      // scripts/test.mjs looks for an adapter and sets what Vulkan needs before this process starts
      ...(process.env['WEFT_WEBGPU'] === '1'
        ? [project('webgpu', ['test/ops/**/*.test.ts', 'test/adapters/algebra/**/*.test.ts'], notOnGpu)]
        : []),
    ],
  },
});

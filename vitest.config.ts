import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** One project a backend; tests read its name with `inject('backend')`. */
const project = (
  backend: 'wasm' | 'cpu' | 'webgpu',
  include: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name: backend, include: [...include], provide: { backend }, env },
});

/** The software adapter of Debian's chromium, unless the environment names a Vulkan driver. */
const vulkan = {
  VK_ICD_FILENAMES: process.env['VK_ICD_FILENAMES'] ?? '/usr/lib/chromium/vk_swiftshader_icd.json',
  XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? '/tmp',
};

/** Vite's own conditions for the server, after ours. */
const conditions = ['weft-source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    environment: 'node',
    // Files of one project share a process and its imports: loading a backend takes longer than most tests.
    isolate: false,
    setupFiles: ['test/setup/seed.ts', 'test/setup/matchers.ts', 'test/setup/backend.ts'],
    testTimeout: 60_000,
    projects: [
      project('wasm', ['test/**/*.test.ts']),
      project('cpu', ['test/**/*.test.ts']),
      ...(process.env['WEFT_TEST_WEBGPU'] === '1'
        ? [project('webgpu', ['test/ops/**/*.test.ts', 'test/adapters/algebra/**/*.test.ts'], vulkan)]
        : []),
    ],
  },
});

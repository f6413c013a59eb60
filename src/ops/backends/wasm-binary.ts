/**
 * tfjs's own module with a memory that threads can share, as a URL that tfjs loads in place of its file.
 */
import { platform } from '#threads';
import { withSharedMemory } from '../kernels/shared-memory.js';

/** The build that tfjs takes where there are SIMD instructions. */
const NAME = 'tfjs-backend-wasm-simd.wasm';

/** The builds that tfjs may ask for, each of which needs a path where one has. */
const NAMES = ['tfjs-backend-wasm.wasm', NAME, 'tfjs-backend-wasm-threaded-simd.wasm'] as const;

/** A module that is kept until it is loaded. */
export interface SharedBinary {
  /** Paths of all builds. */
  readonly paths: Readonly<Record<(typeof NAMES)[number], string>>;
  readonly free: () => void;
}

/**
 * Reads tfjs's module; undefined where there are no threads to share its memory with.
 *
 * @param wasmPath folder of the .wasm files; those of the installed package without it
 * @throws where it cannot be read, or has no memory of the kind that is known
 */
export const sharedBinary = async (wasmPath: string | undefined): Promise<SharedBinary | undefined> => {
  if (platform === undefined) return undefined;
  const shared = withSharedMemory(await platform.readTfjs(NAME, wasmPath));
  if (shared === undefined) throw new Error(`${NAME} is not that of tfjs 4.22`);
  const url = URL.createObjectURL(new Blob([shared], { type: 'application/wasm' }));
  return {
    paths: Object.fromEntries(NAMES.map((name) => [name, url])) as SharedBinary['paths'],
    free: () => URL.revokeObjectURL(url),
  };
};

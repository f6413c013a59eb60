/**
 * tfjs's own module with a memory that threads can share, as a URL that tfjs loads in place of its file.
 */
import { withSharedMemory } from '../kernels/shared-memory.js';

/** The build that tfjs takes where there are SIMD instructions. */
const NAME = 'tfjs-backend-wasm-simd.wasm';

/** The builds that tfjs may ask for, each of which needs a path where one has. */
const NAMES = ['tfjs-backend-wasm.wasm', NAME, 'tfjs-backend-wasm-threaded-simd.wasm'] as const;

const inNode = (): boolean => typeof process !== 'undefined' && process.versions?.node !== undefined;

/** A module of Node, by a variable, so that browser bundlers do not follow it. */
const fromNode = async <A>(name: string): Promise<A> => (await import(/* @vite-ignore */ name)) as A;

const readInNode = async (wasmPath: string | undefined): Promise<Uint8Array> => {
  const { createRequire } = await fromNode<typeof import('node:module')>('node:module');
  const { readFile } = await fromNode<typeof import('node:fs/promises')>('node:fs/promises');
  const inPackage = (): string => createRequire(import.meta.url).resolve(`@tensorflow/tfjs-backend-wasm/dist/${NAME}`);
  return readFile(wasmPath === undefined ? inPackage() : wasmPath + NAME);
};

const fetched = async (url: string): Promise<Uint8Array> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** A module that is kept until it is loaded. */
export interface SharedBinary {
  /** Paths of all builds. */
  readonly paths: Readonly<Record<(typeof NAMES)[number], string>>;
  readonly free: () => void;
}

/**
 * Reads tfjs's module.
 *
 * @param wasmPath folder or URL prefix of the .wasm files; under Node those of the installed package without it
 * @throws where it cannot be read, or has no memory of the kind that is known
 */
export const sharedBinary = async (wasmPath: string | undefined): Promise<SharedBinary> => {
  const bytes = await (inNode() && !/^https?:/.test(wasmPath ?? '')
    ? readInNode(wasmPath)
    : fetched(`${wasmPath ?? ''}${NAME}`));
  const shared = withSharedMemory(bytes);
  if (shared === undefined) throw new Error(`${NAME} is not that of tfjs 4.22`);
  const url = URL.createObjectURL(new Blob([shared], { type: 'application/wasm' }));
  return {
    paths: Object.fromEntries(NAMES.map((name) => [name, url])) as SharedBinary['paths'],
    free: () => URL.revokeObjectURL(url),
  };
};

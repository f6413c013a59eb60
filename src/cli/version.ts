/**
 * The version of the package that this program belongs to.
 */
import { createRequire } from 'node:module';

/** The version in package.json, which lies two folders above this file, built or not. */
export const version = (): string =>
  (createRequire(import.meta.url)('../../package.json') as { readonly version: string }).version;

/**
 * `#threads` in browsers: none, since pages can share memory only where their server allows it, and the main thread may not wait.
 */
import type { Platform } from '../threads/platform.js';

/** See `Platform`. */
export const platform: Platform | undefined = undefined;

#!/usr/bin/env node
/**
 * The command `weft`.
 */
import * as modules from 'node:module';
import { weft } from './program.js';
import { processTerminal } from './terminal.js';

// Node 22 keeps compiled code from run to run, in the system's folder for temporary files; a command loads its own below.
(modules as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();

const interruption = new AbortController();

// The second signal ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));

// A reader that has seen enough (`weft ... --json | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await weft(process.argv.slice(2), processTerminal(process, process.env, interruption.signal));

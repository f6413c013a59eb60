/**
 * Time and memory of a piece of work.
 */
import { showBytes, showDuration } from './quantities.js';

/** What some work took. */
export interface Measured {
  readonly seconds: number;
  /** Bytes of tensors that went through. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** Largest resident set of the process so far, in bytes. */
  readonly peakRssBytes: number;
}

/** Starts a clock; the result reads it. */
export const startClock = (): ((bytes: number) => Measured) => {
  const start = performance.now();
  return (bytes) => {
    const seconds = (performance.now() - start) / 1000;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return { seconds, bytes, bytesPerSecond: seconds === 0 ? 0 : bytes / seconds, peakRssBytes };
  };
};

/** Rows for a table of facts. */
export const measuredRows = (m: Measured): ReadonlyArray<readonly [string, string]> => [
  ['time', `${showDuration(m.seconds * 1000)} (${showBytes(m.bytesPerSecond)}/s)`],
  ['peak memory', showBytes(m.peakRssBytes)],
];

/**
 * A vitest reporter that writes how many tests passed, failed and were skipped to the file named in `WEFT_COUNTS`.
 */
import { writeFileSync } from 'node:fs';

/** Made by vitest with `new`, hence a plain function rather than an arrow. */
export default function CountsReporter() {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
      const count = (state) => states.filter((s) => s === state).length;
      // A file that cannot be loaded has no tests to count: it counts as one failure.
      const broken = modules.filter((module) => module.errors().length > 0).length;
      const counts = {
        passed: count('passed'),
        failed: count('failed') + broken + unhandledErrors.length,
        skipped: count('skipped'),
      };
      if (process.env.WEFT_COUNTS) writeFileSync(process.env.WEFT_COUNTS, JSON.stringify(counts));
    },
  };
}

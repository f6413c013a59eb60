/**
 * The same cases in every run; `WEFT_TEST_SEED` chooses others.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['WEFT_TEST_SEED'] ?? 2026) });

/**
 * Rank and scale by module: r and s = alpha / r, either of them by pattern.
 */
import { E } from '../fp.js';
import type { Result } from '../problem.js';
import { patternValues } from './targets/rank-pattern.js';

/** Rank and scale of one module. */
export interface Strength {
  readonly r: number;
  readonly s: number;
}

/** The config fields that they come from. */
export interface StrengthConfig {
  readonly r: number;
  readonly alpha: number;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
}

/** r and s = alpha / r of any module, by its name. Problems: patterns that cannot be compiled. */
export const strengthsOf = (c: StrengthConfig): Result<(name: string) => Strength> =>
  E.chain((ranks: (name: string) => number | undefined) =>
    E.map((alphas: (name: string) => number | undefined) => (name: string): Strength => {
      const r = ranks(name) ?? c.r;
      return { r, s: (alphas(name) ?? c.alpha) / r };
    })(patternValues(c.alpha_pattern, 'alpha_pattern')),
  )(patternValues(c.rank_pattern, 'rank_pattern'));

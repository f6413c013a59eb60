/**
 * Results as text for people and as JSON for programs.
 */
import { checkNames, type CaseResult } from './run-case.js';

const totalsOf = (results: ReadonlyArray<CaseResult>) => ({
  pass: results.filter((r) => r.status === 'pass').length,
  fail: results.filter((r) => r.status === 'fail').length,
  todo: results.filter((r) => r.status === 'todo').length,
});

const whyOf = (r: CaseResult): string =>
  [
    ...new Set(
      checkNames
        .map((n) => r.checks[n])
        .filter((c) => c.outcome === 'fail' || c.outcome === 'todo')
        .map((c) => c.why),
    ),
  ].join('; ');

/** The machine-readable report. */
export const jsonReport = (results: ReadonlyArray<CaseResult>) => ({
  cases: results.map((r) => ({
    id: r.id,
    method: r.method,
    checks: Object.fromEntries(checkNames.map((n) => [n, r.checks[n].outcome])),
    maxError: Object.fromEntries(checkNames.map((n) => [n, r.checks[n].maxError])),
    why: whyOf(r),
  })),
  totals: totalsOf(results),
});

const line = (r: CaseResult): string => {
  const cells = checkNames.map((n) => {
    const { outcome, maxError } = r.checks[n];
    return outcome === 'pass' ? (maxError === 0 ? 'exact' : maxError.toExponential(0)) : outcome;
  });
  const why = r.status === 'pass' ? '' : `  ${whyOf(r).slice(0, 200)}`;
  return `${r.status.padEnd(5)} ${r.id.padEnd(38)} ${cells.map((c) => c.padEnd(6)).join(' ')}${why}`;
};

const methodLine = (method: string, results: ReadonlyArray<CaseResult>): string => {
  const { pass, fail, todo } = totalsOf(results);
  return `${method.padEnd(24)} ${String(pass).padStart(4)} passed ${String(fail).padStart(4)} failed ${String(todo).padStart(4)} todo`;
};

/** The report for people: a line a case, a line a method, the totals. */
export const textReport = (results: ReadonlyArray<CaseResult>, backend: string): string => {
  const methods = [...new Set(results.map((r) => r.method))].toSorted();
  const { pass, fail, todo } = totalsOf(results);
  return [
    `${'      case'.padEnd(44)} ${checkNames.map((n) => n.slice(0, 6).padEnd(6)).join(' ')}`,
    ...results.map(line),
    '',
    ...methods.map((m) =>
      methodLine(
        m,
        results.filter((r) => r.method === m),
      ),
    ),
    '',
    `${results.length} cases on ${backend}: ${pass} passed, ${fail} failed, ${todo} todo`,
    '',
  ].join('\n');
};

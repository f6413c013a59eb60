/**
 * Tables of text.
 */

/** Rows under a header; columns are as wide as their widest cell, and all but the first are aligned to the right. */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const line = (row: ReadonlyArray<string>): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  ');
  return [line(header), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n');
};

/** A positive number with three significant digits and no exponent: 0.0123, 1.23, 12.3, 123, 1235. */
export const digits = (x: number): string =>
  x >= 100 ? x.toFixed(0) : Number.isFinite(x) ? Number(x.toPrecision(3)).toString() : '-';

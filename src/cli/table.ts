/**
 * Rows as aligned columns.
 */

/** Width in a terminal, near enough: escape sequences take no place. */
// oxlint-disable-next-line no-control-regex
const widthOf = (cell: string): number => [...cell.replace(/\x1b\[\d+m/g, '')].length;

/**
 * Lines of a table, columns two spaces apart.
 *
 * @param rows cells of each row
 * @param right indices of the columns that align to the right
 */
export const table = (
  rows: ReadonlyArray<ReadonlyArray<string>>,
  right: ReadonlyArray<number> = [],
): ReadonlyArray<string> => {
  const columns = Math.max(0, ...rows.map((r) => r.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((r) => widthOf(r[i] ?? ''))));
  const pad = (cell: string, i: number): string => {
    const space = ' '.repeat((widths[i] as number) - widthOf(cell));
    return right.includes(i) ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
};

/** A table of names and values, indented; rows without a value are left out. */
export const facts = (rows: ReadonlyArray<readonly [name: string, value: string | undefined]>): ReadonlyArray<string> =>
  table(rows.flatMap(([name, value]) => (value === undefined ? [] : [[`  ${name}`, value]])));

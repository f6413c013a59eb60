/**
 * Numbers as people read them.
 */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units with three digits: 1.23 GB. */
export const showBytes = (bytes: number): string => {
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
};

/** An integer with separators: 1,234,567. Node would load its tables of languages for it, which takes longer than to plan a merge. */
export const showCount = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** `1 tensor`, `2 tensors`. */
export const showMany = (n: number, noun: string): string => `${showCount(n)} ${noun}${n === 1 ? '' : 's'}`;

/** Milliseconds as seconds, or minutes and seconds: 1.23 s, 2 min 5 s. */
export const showDuration = (ms: number): string => {
  const seconds = ms / 1000;
  return seconds < 100
    ? `${seconds.toPrecision(3)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
};

/**
 * The order of strings in Rust and Python.
 */

/** Compares by code points, which is also the order of UTF-8 bytes; JavaScript's `<` compares UTF-16 units. */
export const compareCodePoints = (a: string, b: string): number => {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    // Units differ first where code points do; surrogates stand for code points above all other units.
    if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y);
  }
  return a.length - b.length;
};

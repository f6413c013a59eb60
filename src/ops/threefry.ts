/**
 * Threefry-2x32 with 20 rounds: a counter-based generator, a bijection of 64 bits for each key.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.2; it is the
 * generator of JAX.
 */

/** Two words of 32 bits, unsigned. */
export type Word2 = readonly [number, number];

/** Rotation distances of Threefry-2x32, four rounds each, in turn. */
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** Parity constant of the key schedule (Skein's C240). */
const PARITY = 0x1bd11bda;

const rotateLeft = (x: number, r: number): number => (x << r) | (x >>> (32 - r));

/** Encrypts a counter under a key. */
export const threefry2x32 = ([k0, k1]: Word2, [c0, c1]: Word2): Word2 => {
  const schedule = [k0, k1, k0 ^ k1 ^ PARITY] as const;
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  for (let block = 0; block < 5; block++) {
    for (const r of ROTATIONS[block % 2] as (typeof ROTATIONS)[0]) {
      x = (x + y) | 0;
      y = rotateLeft(y, r) ^ x;
    }
    x = (x + (schedule[(block + 1) % 3] as number)) | 0;
    y = (y + (schedule[(block + 2) % 3] as number) + block + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
};

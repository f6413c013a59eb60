/**
 * Images as the matrices that convolutions multiply, and back, in an imported memory.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. A column is an output position, a row
 * a channel with a place in the kernel: the order in which torch keeps images and filters, so that neither is transposed.
 *
 * A geometry is three axes of six words each: input size, kernel size, stride, padding, dilation, output size.
 */

const AXIS: usize = 24;

// @inline
function word(geometry: usize, axis: usize, which: usize): i32 {
  return load<i32>(geometry + axis * AXIS + 4 * which);
}

/** Input coordinate under kernel place `i` at output position `p` of an axis. */
// @inline
function under(geometry: usize, axis: usize, p: i32, i: i32): i32 {
  return p * word(geometry, axis, 2) + i * word(geometry, axis, 4) - word(geometry, axis, 3);
}

/** Positions p in [0, n) with 0 <= p step + shift < size begin at the first of these, and end before the second. */
// @inline
function begin(step: i32, shift: i32, n: i32): i32 {
  return shift >= 0 ? 0 : min(n, (step - 1 - shift) / step);
}

// @inline
function end(step: i32, shift: i32, n: i32, size: i32): i32 {
  return shift >= size ? 0 : min(n, (size - 1 - shift) / step + 1);
}

/** memory.copy, which is a call, for rows of images, which are short. */
// @inline
function copy(to: usize, from: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(to + at, v128.load(from + at));
  for (; at < bytes; at += 4) store<u32>(to + at, load<u32>(from + at));
}

/** Positions [first, last) of a row of the matrix: from the image's `pixels`, or added to them. The other n are zero. */
// @inline
function line(adds: bool, pixels: usize, step: i32, first: i32, last: i32, n: i32, at: usize): void {
  const matrix = at + 4 * (first as usize);
  const count = (last - first) as usize;
  if (adds) {
    for (let q: usize = 0; q < count; q++) {
      const pixel = pixels + 4 * q * (step as usize);
      store<f32>(pixel, load<f32>(pixel) + load<f32>(matrix + 4 * q));
    }
  } else {
    for (let q = at; q < matrix; q += 4) store<u32>(q, 0);
    if (step === 1) copy(matrix, pixels, 4 * count);
    else for (let q: usize = 0; q < count; q++) store<f32>(matrix + 4 * q, load<f32>(pixels + 4 * q * (step as usize)));
    for (let q = matrix + 4 * count; q < at + 4 * (n as usize); q += 4) store<u32>(q, 0);
  }
}

// @inline
function move(adds: bool, geometry: usize, image: usize, channels: i32, start: i32, rows: i32, matrix: usize): void {
  const deep = word(geometry, 0, 0);
  const high = word(geometry, 1, 0);
  const wide = word(geometry, 2, 0);
  const channel = 4 * ((deep * high * wide) as usize);
  const lines = word(geometry, 1, 5);
  const n = word(geometry, 2, 5);
  const step0 = word(geometry, 0, 2);
  const step1 = word(geometry, 1, 2);
  const step2 = word(geometry, 2, 2);
  let at = matrix;
  for (let c: usize = 0; c < (channels as usize); c++)
    for (let i0 = 0; i0 < word(geometry, 0, 1); i0++)
      for (let i1 = 0; i1 < word(geometry, 1, 1); i1++)
        for (let i2 = 0; i2 < word(geometry, 2, 1); i2++) {
          const shift = under(geometry, 2, 0, i2);
          const last = end(step2, shift, n, wide);
          const first = min(begin(step2, shift, n), last);
          const pixels = image + c * channel + 4 * ((first * step2 + shift) as usize);
          let x0 = under(geometry, 0, start / lines, i0);
          let p1 = start % lines;
          let x1 = under(geometry, 1, p1, i1);
          for (let r = 0; r < rows; r++) {
            const inside = x0 >= 0 && x0 < deep && x1 >= 0 && x1 < high;
            const row = pixels + 4 * (((x0 * high + x1) * wide) as usize);
            if (inside) line(adds, row, step2, first, last, n, at);
            else if (!adds) memory.fill(at, 0, 4 * (n as usize));
            at += 4 * (n as usize);
            p1++;
            x1 += step1;
            if (p1 === lines) {
              p1 = 0;
              x1 = under(geometry, 1, 0, i1);
              x0 += step0;
            }
          }
        }
}

/**
 * The matrix of some output positions: [channels * kernel, rows * n], with n the size of the output's last axis.
 *
 * @param geometry where the 18 words lie
 * @param image [channels, ...input]
 * @param start, rows first row of the output, its outer axes taken as one, and how many
 */
export function columns(geometry: usize, image: usize, channels: i32, start: i32, rows: i32, matrix: usize): void {
  move(false, geometry, image, channels, start, rows, matrix);
}

/** The adjoint: adds the elements of such a matrix to the image, where they came from. */
export function images(geometry: usize, image: usize, channels: i32, start: i32, rows: i32, matrix: usize): void {
  move(true, geometry, image, channels, start, rows, matrix);
}

/**
 * Images as overlapping patches, as OFT turns the input of a convolution in PEFT.
 */
import { rotate } from '../../adapters/update.js';
import { rotateMatrix } from '../../adapters/updates/turn.js';
import { padAxis } from '../../ops/pad-axis.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** Every offset in a kernel of two axes, by rows. */
const offsets = ([p = 1, q = 1]: Shape): ReadonlyArray<readonly [number, number]> =>
  Array.from({ length: p * q }, (_, i) => [Math.floor(i / q), i % q] as const);

/**
 * fold(unfold(x) blockdiag(R)): patches of all channels with stride 1 as rows of features, turned and added up where they overlap.
 *
 * With one pixel a patch this turns the channels; with more, even R = I counts a pixel once for each patch that it is in.
 *
 * @param x [N, C, H, W]
 * @param R [k, b, b] with k b = C times the kernel's size
 * @param kernel two sizes
 */
export const turnPatches = (x: Tensor, R: Tensor, kernel: Shape): Tensor => {
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const [h, w] = [height - (kernel[0] ?? 1) + 1, width - (kernel[1] ?? 1) + 1];
  const at = offsets(kernel);
  const shifted = at.map(([i, j]) => tf.reshape(tf.slice(x, [0, 0, i, j], [n, channels, h, w]), [n, channels, h * w]));
  const rows = tf.transpose(tf.stack(shifted, 2), [0, 3, 1, 2]); // [N, patches, C, offsets]
  const turned = rotateMatrix(rotate(R, 1), tf.reshape(rows, [n * h * w, channels * sizeOf(kernel)]));
  const back = tf.unstack(tf.reshape(turned, [n, h, w, channels, at.length]), 4); // [N, h, w, C] each
  return at
    .map(([i, j], o) => {
      const patch = tf.transpose(back[o] as Tensor, [0, 3, 1, 2]);
      return padAxis(padAxis(patch, 2, i, height - h - i), 3, j, width - w - j);
    })
    .reduce((sum, part) => tf.add(sum, part));
};

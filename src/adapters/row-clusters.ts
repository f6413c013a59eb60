/**
 * The clusters of a layer's outputs by which AdaMSS divides them: rows of the left singular vectors of [W | b], clustered.
 */
import { scope } from '../ops/backend.js';
import { kMeans, svdLowRankSync, type Matrix } from '../ops/linalg/index.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { svdLowrankTestMatrix, torchGenerator } from '../ops/torch-random/index.js';
import { memory } from './remembered.js';

/** How a layer is divided. */
export interface Division {
  /** Rank of the decomposition, at most the smaller side of [W | b]. */
  readonly r: number;
  readonly clusters: number;
  /** Seed of the random projection. */
  readonly seed: number;
}

/** The outputs of each cluster, ascending, and the decomposition that they come from. */
export interface RowClusters {
  readonly segments: ReadonlyArray<Int32Array>;
  /** Left singular vectors [out, r]. */
  readonly U: Matrix;
  /** Right singular vectors [r, in], or [r, in + 1] with a bias. */
  readonly Vt: Matrix;
}

/** PEFT's settings of k-means. */
const kMeansSettings = { iterations: 10, seed: 123456789 } as const;

const divided = (joined: Tensor, { r, clusters, seed }: Division): RowClusters => {
  const [m, n] = joined.shape as [number, number];
  const data = Float64Array.from(svdLowrankTestMatrix(torchGenerator(seed), m, n, r));
  const { U, Vt } = svdLowRankSync(joined, { rows: Math.min(m, n), cols: r, data }, 2);
  const labels = kMeans({ ...U, data: Float32Array.from(U.data) }, { clusters, ...kMeansSettings });
  const segments = Array.from({ length: clusters }, (_, k) =>
    Int32Array.from([...labels.keys()].filter((i) => labels[i] === k)),
  );
  return { segments, U, Vt };
};

const known = memory<RowClusters>();

/**
 * The clusters of a layer W [out, in] with a bias b [out], or without. PEFT does not save them, so loading finds them again.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const rowClusters = (W: Tensor, b: Tensor | undefined, how: Division): RowClusters =>
  known(
    [W, b ?? W].map((x) => x.dataId),
    JSON.stringify(how),
    () => {
      const joined = scope(() => (b === undefined ? tf.clone(W) : tf.concat([W, tf.reshape(b, [-1, 1])], 1)));
      const fresh = divided(joined, how);
      joined.dispose();
      return fresh;
    },
  );

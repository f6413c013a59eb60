/**
 * Whether the current backend has a kernel: fused operations are composed of others where theirs is missing.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Whether the current backend has a kernel of this name. */
export const hasKernel = (name: string): boolean => tf.getKernel(name, tf.getBackend()) != null;

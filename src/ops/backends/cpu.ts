/**
 * Starts tfjs's plain JavaScript backend: slow, and the reference for the others.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { tf } from '../tf.js';
import { mendCpuKernels } from './cpu-kernels.js';

/** Makes cpu the current backend. */
export const startCpu = async (): Promise<Result<'cpu'>> => {
  await import('@tensorflow/tfjs-backend-cpu');
  mendCpuKernels();
  const started = await tf.setBackend('cpu');
  return started ? E.right('cpu') : fail('backend cpu', 'a backend that starts', 'one that does not');
};

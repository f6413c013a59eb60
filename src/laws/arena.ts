/**
 * Freeing what a law makes while it reads values.
 */
import { tf } from '../ops/tf.js';

/**
 * Runs an asynchronous function and frees every tensor that was made meanwhile; the result holds none.
 *
 * Only one at a time: what runs beside it would lose its tensors too.
 */
export const arena = async <A>(f: () => Promise<A>): Promise<A> => {
  const engine = tf.engine();
  engine.startScope('law');
  try {
    return await f();
  } finally {
    engine.endScope();
  }
};

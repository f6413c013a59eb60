/**
 * tfjs with Weft's gradients: `@tensorflow/tfjs-core` registers none in its main entry.
 *
 * Everything above this file takes `tf` from here; `gradients/`, `mat-mul.ts` and what they use lie below and import tfjs themselves.
 */
import * as tf from '@tensorflow/tfjs-core';
import { gradients } from './gradients/index.js';

// PROD silences the banner that advises tfjs-node.
tf.env().set('PROD', true);
gradients.forEach((rule) => tf.registerGradient(rule));

export { tf };

/**
 * The random streams of torch's CPU generator, and of numpy where PEFT uses it, bit for bit.
 */
export { TORCH_DEFAULT_SEED, torchGenerator, type TorchGenerator } from './generator.js';
export { kaimingBound, torchKaimingUniform, type Kaiming } from './kaiming.js';
export { svdLowrankTestMatrix, torchNormal, torchRandn } from './normal.js';
export { numpyChoice, numpyShuffle } from './numpy/choice.js';
export { pcg64, type Pcg64 } from './numpy/pcg64.js';
export { numpyRandomState, numpyWeightedChoice } from './numpy/random-state.js';
export { torchBernoulli, torchRandint, torchRandint64 } from './randint.js';
export { RANDPERM_64, torchRandperm } from './randperm.js';
export { torchRand, torchUniform, type TorchFloat } from './uniform.js';

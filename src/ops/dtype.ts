/**
 * Storage types of tensors and their conversion to and from float32.
 */
export {
  DTYPES,
  bitsOf,
  byteLength,
  checkedByteLength,
  dtypeOrder,
  isComputable,
  isDType,
  isFloat,
  type DType,
} from './dtype/names.js';
export { decodeFloats, encodeFloats } from './dtype/codec.js';

/**
 * Files: safetensors, checkpoints, JSON.
 */
export {
  checkpointOf,
  checkpointOfSource,
  openCheckpoint,
  type Checkpoint,
  type CheckpointFile,
  type StoredTensor,
} from './checkpoint.js';
export { readConfig } from './config.js';
export type { FileStat, FileWriter, Writer } from './file-system.js';
export { parseJson, parsePythonJson, type JsonOptions, type ParsedJson } from './json.js';
export { pythonJson } from './python-json.js';
export { headerOf, openSafetensors, type SafetensorsFile } from './safetensors/file.js';
export { headerLength, parseHeader, type Header, type TensorInfo } from './safetensors/header.js';
export { headerBytes, serialize, type RawTensor, type TensorType, type WrittenHeader } from './safetensors/write.js';
export { sourceOfBlob, sourceOfBytes, sourceOfFile, type ByteSource } from './source.js';
export { mergeFolder, type FolderMergeOptions } from './merge/folder.js';
export { memoryWriter } from './merge/memory.js';
export { planMerge, type FilePlan, type MergePlan, type TensorPlan } from './merge/plan.js';
export { runMerge, type MergeOptions, type MergeProgress } from './merge/run.js';
export { fusedKernel } from './merge/fused.js';
export { tfjsKernel, type MergedTile, type TensorMerge, type TiledTensor, type TileKernel } from './merge/tile.js';
export { openModel, readWeights, type OpenModel } from './model.js';
export {
  encodeAdapter,
  loadAdapter,
  readAdapterFiles,
  saveAdapter,
  type EncodedAdapter,
  type ReadOptions,
} from './peft.js';

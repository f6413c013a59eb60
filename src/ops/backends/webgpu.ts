/**
 * Starts tfjs's WebGPU backend on our own device: with all limits of the adapter, and with its errors trapped.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { tf } from '../tf.js';
import { mendWebgpuKernels } from './webgpu-kernels.js';

/** Errors since they were last taken. WebGPU reports asynchronously, and tfjs does not listen. */
const errors: string[] = [];

/**
 * Takes the GPU errors so far. A kernel that failed gives stale or zero data without any exception, so whoever depends
 * on results asks here after reading a tensor. Empty on other backends.
 */
export const gpuErrors = (): ReadonlyArray<string> => errors.splice(0);

/** Whether our device is the backend's; tfjs keeps backends for the life of the process as well. */
let registered = false;

/** Limits that tfjs's kernels can use; its own registration leaves the last one at the default of 8. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
  'maxStorageBuffersPerShaderStage',
] as const;

const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

/** Puts a GPU on `navigator` under Node, from the package `webgpu` if it is installed. */
const provideGpu = async (): Promise<void> => {
  const scope = globalThis as { navigator?: { gpu?: GPU } };
  if (scope.navigator?.gpu !== undefined) return;
  if (typeof process === 'undefined' || process.versions?.node === undefined) return;
  // A variable, so that browser bundlers do not follow it.
  const name = 'webgpu';
  const dawn = (await import(/* @vite-ignore */ name).catch(() => undefined)) as
    { readonly create: (flags: ReadonlyArray<string>) => GPU; readonly globals: object } | undefined;
  if (dawn === undefined) return;
  Object.assign(globalThis, dawn.globals);
  if (scope.navigator === undefined) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(scope.navigator, 'gpu', { value: dawn.create([]), configurable: true });
};

/** Opens a device with everything the adapter has of what tfjs can use. */
const openDevice = async (adapter: GPUAdapter): Promise<GPUDevice> => {
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((f) => adapter.features.has(f)),
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  device.addEventListener('uncapturederror', (event) => errors.push(event.error.message));
  return device;
};

/**
 * Makes webgpu the current backend.
 *
 * @param gpuOnly never runs kernels of small tensors on the CPU, as tfjs does below 1000 elements; for tests
 */
export const startWebgpu = async (gpuOnly: boolean): Promise<Result<'webgpu'>> => {
  await provideGpu();
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu === undefined) {
    return fail(
      'backend webgpu',
      'navigator.gpu',
      'none',
      'use a browser with WebGPU, or install the npm package webgpu',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    return fail(
      'backend webgpu',
      'a GPU adapter',
      'none',
      'under Linux set VK_ICD_FILENAMES to the file of a Vulkan driver',
    );
  }
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  if (!registered) {
    const device = await openDevice(adapter);
    // The import has registered tfjs's own factory, whose device lacks limits and reports no errors.
    if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
    type Args = ConstructorParameters<typeof WebGPUBackend>;
    tf.registerBackend(
      'webgpu',
      () => new WebGPUBackend(device as unknown as Args[0], adapter.info as unknown as Args[1]),
      3,
    );
    mendWebgpuKernels();
    registered = true;
  }
  if (gpuOnly) tf.env().set('WEBGPU_CPU_FORWARD', false);
  const started = await tf.setBackend('webgpu');
  return started ? E.right('webgpu') : fail('backend webgpu', 'a backend that starts', 'one that does not');
};

/**
 * Looks for a WebGPU adapter that Node can use through the `webgpu` package (Dawn), a software one included.
 * The look-up runs in a child process, since a broken driver may end the process that asks.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where distributions put Chromium, which brings a software Vulkan driver (SwiftShader) and a Vulkan loader. */
const chromiumFolders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

const question = `
  import { create, globals } from 'webgpu';
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  const device = await adapter?.requestDevice();
  const name = adapter && ([adapter.info.vendor, adapter.info.architecture].filter(Boolean).join(' ') || 'unnamed');
  console.log(JSON.stringify(device ? { ok: true, name } : { ok: false, why: 'no adapter' }));
  process.exit(0);
`;

/** Asks in a child process that has `env` beside the environment of this one. */
const ask = (env) => {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 };
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', question], options);
  const answer = child.stdout?.trim().split('\n').at(-1) ?? '';
  if (child.status === 0 && answer.startsWith('{')) return { ...JSON.parse(answer), env };
  const reason = child.stderr?.split('\n').find((line) => /error/i.test(line));
  return { ok: false, why: reason ?? `the look-up ended with ${child.signal ?? child.status}`, env };
};

/** The variables that make Dawn use the driver and, where the system has none, the Vulkan loader in `folder`. */
const softwareDriver = (folder) => ({
  VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
  LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(':'),
});

/**
 * `{ ok: true, name, env }` with the variables that a process must be started with to reach the adapter, or
 * `{ ok: false, why }`. What the machine offers by itself wins over Chromium's driver.
 */
export const webgpuAdapter = () => {
  const quiet = { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp' };
  const found = ask(quiet);
  const folder = chromiumFolders.find((path) => existsSync(join(path, 'vk_swiftshader_icd.json')));
  if (found.ok || folder === undefined || process.env.VK_ICD_FILENAMES !== undefined) return found;
  return ask({ ...quiet, ...softwareDriver(folder) });
};

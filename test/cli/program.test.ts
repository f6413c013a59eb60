/** The command line itself: help, usage, problems, codes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, inject } from 'vitest';
import { commands } from '../../src/cli/grammar.js';
import { llama } from './fixtures.js';
import { run, runWith } from './run.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('help and version', () => {
  it('prints help on stdout when asked, and ends well', async () => {
    const { code, out, err } = await run('--help');
    expect([code, err]).toEqual([0, '']);
    for (const { name } of commands) expect(out).toContain(`${name} [options]`);
  });

  it.each(commands.map((c) => c.name))('%s --help names its options', async (name) => {
    const { code, out } = await run(name, '--help');
    expect(code).toBe(0);
    expect(out).toContain('--json');
    expect(out).toContain('--quiet');
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly version: string };
    expect((await run('--version')).out).toBe(`${version}\n`);
  });
});

describe('a wrong command line', () => {
  it('without a command names the commands', async () => {
    const { code, out, err } = await run();
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`expected  one of the commands ${commands.map((c) => c.name).join(', ')}`);
  });

  it('with an unknown command says so', async () => {
    const { code, err } = await run('marge');
    expect(code).toBe(2);
    expect(err).toContain("unknown command 'marge'");
    expect(err).toContain('Did you mean merge?');
  });

  it('with an unknown option says so', async () => {
    const { code, err } = await run('merge', '--bose', 'x');
    expect(code).toBe(2);
    expect(err).toContain("unknown option '--bose'");
    expect(err).toContain('see weft merge --help');
  });

  it('without an operand says so', async () => {
    const { code, err } = await run('inspect');
    expect(code).toBe(2);
    expect(err).toContain("missing required argument 'path'");
  });

  it('lists everything that is wrong at once', async () => {
    const { code, err } = await run('merge', '--scale', 'much', '--backend', 'abacus');
    expect(code).toBe(2);
    for (const option of ['--base', '--adapter', '--out', '--scale', '--backend'])
      expect(err).toContain(`error weft merge: ${option}\n`);
    expect(err).toContain('found     "much"');
    expect(err).toContain('expected  one of wasm, cpu, webgpu');
  });

  it.each(['0', '2.5', '65', 'all', ''])('with %j threads', async (count) => {
    const { code, err } = await run('merge', '--base', 'b', '--adapter', 'a', '--out', 'o', '--workers', count);
    expect(code).toBe(2);
    expect(err).toContain('error weft merge: --workers\n');
  });

  it('says the same as JSON', async () => {
    const { code, json } = await run('merge', '--json');
    expect(code).toBe(2);
    expect(json()['problems']).toEqual([
      {
        at: 'weft merge: --base',
        expected: 'the folder of the base model',
        found: 'no such option',
        hint: 'see weft merge --help',
      },
      {
        at: 'weft merge: --adapter',
        expected: 'the folder of a PEFT adapter',
        found: 'no such option',
        hint: 'see weft merge --help',
      },
      {
        at: 'weft merge: --out',
        expected: 'a new or empty folder',
        found: 'no such option',
        hint: 'see weft merge --help',
      },
    ]);
    expect((await run('marge', '--json')).json()['problems']).toHaveLength(1);
  });

  it('with as many factors as neither one nor the adapters', async () => {
    const line = 'merge --base b --out o --adapter a --adapter b --adapter c --scale 1 --scale 2';
    const { code, err } = await run(...line.split(' '));
    expect(code).toBe(2);
    expect(err).toContain('expected  one number, or one for each of 3 adapters');
  });
});

describe('streams', () => {
  it('keeps stdout for data: without --json it stays empty', async () => {
    const { code, out, err } = await run('inspect', llama.base);
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain('model');
  });

  it('is silent under --quiet but for problems', async () => {
    expect(await run('inspect', llama.base, '--quiet')).toMatchObject({ code: 0, out: '', err: '' });
    expect((await run('inspect', '/nowhere', '--quiet')).err).toContain('found     nothing there');
  });

  it('prints no escape sequences where there are no colours, and some where there are', async () => {
    const plain = await run('inspect', '/nowhere');
    expect(plain.err).not.toContain('\x1b');
    const colored = await runWith({ interactive: true, color: true }, 'inspect', '/nowhere');
    expect(colored.err).toContain('\x1b[31merror\x1b[0m');
  });

  it('stops when it is interrupted', async () => {
    const signal = AbortSignal.abort(new Error('stopped by a test'));
    const { code, err } = await runWith({ signal }, 'verify', '--base', llama.base, '--adapter', llama.adapter);
    expect(code).toBe(1);
    expect(err).toBe('error interrupted; nothing was written\n');
  });

  it('prints an unexpected error on one line, and its stack with -v', async () => {
    const throwIfAborted = (): void => {
      throw new RangeError('nobody thought of this');
    };
    const signal = { aborted: false, throwIfAborted } as AbortSignal;
    const line = ['verify', '--base', llama.base, '--adapter', llama.adapter];
    const short = await runWith({ signal }, ...line);
    expect(short.code).toBe(1);
    expect(short.err).toBe('error unexpected error: RangeError: nobody thought of this (-v shows where)\n');
    const long = await runWith({ signal }, ...line, '-v');
    expect(long.err).toMatch(/^error unexpected error: RangeError: nobody thought of this\n +at .*throwIfAborted/);
    expect((await runWith({ signal }, ...line, '--json')).json()['problems']).toHaveLength(1);
  });
});

it('runs as a program', { skip: inject('backend') !== 'wasm' }, () => {
  const args = ['--import', 'tsx', '--conditions=weft-source', 'src/cli/main.ts', 'inspect', llama.base, '--json'];
  const out = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  expect((JSON.parse(out) as { readonly kind: string }).kind).toBe('model');
});

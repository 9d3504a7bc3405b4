import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchJob } from '@strata/qmp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  backingStringOf,
  DiskChain,
  expectSameContent,
  expectSound,
  type LayerName,
  run,
} from '../testing/disk-chain.ts';
import { startTestVm, type TestVm, writeAsGuest } from '../testing/live-disk.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { createBlockEngines } from './block-engines.ts';
import { commitLayers, jobState, pullLayers, untilReady } from './block-jobs.ts';
import type { BlockJobControls, JobEnd } from './block-jobs.types.ts';
import { pivot } from './pivot.ts';

let original: DiskChain;
let chain: DiskChain;
let runDir: string;

/** An engine on the chain from a layer down, and how to kill its process. */
interface Opened {
  readonly engine: BlockEngine;
  readonly vm: TestVm | null;
  kill(): Promise<void>;
}

beforeAll(async () => {
  original = await DiskChain.make();
});
afterAll(() => original.remove());
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'run-'));
  chain = await original.copy();
});
afterEach(async () => {
  for (const kill of running.splice(0)) await kill();
  await chain.remove();
  await rm(runDir, { recursive: true, force: true });
});

const running: (() => Promise<void>)[] = [];

async function openDaemon(top: LayerName): Promise<Opened> {
  const engine = await createBlockEngines({ runDir }).openDaemon({ id: 'op', chain: chain.members(top) });
  const kill = async () => {
    if (engine.daemon && engine.qmp.isOpen) process.kill(engine.daemon.pid, 'SIGKILL');
    await engine.exited;
  };
  running.push(kill);
  return { engine, vm: null, kill };
}

async function openVm(): Promise<Opened> {
  const vm = await startTestVm(runDir, { d0: chain.path('active') });
  running.push(() => vm.kill());
  return { engine: createBlockEngines({ runDir }).live(vm, 'd0'), vm, kill: () => vm.kill() };
}

/** Each layer of this list reads as it did before anything was done. */
async function expectUnchanged(...names: readonly LayerName[]): Promise<void> {
  for (const name of names) {
    await expectSameContent(chain.path(name), chain.flat(name));
    await expectSound(chain.path(name));
  }
}

// The six ranges of a chain of five, as in qemu-recipes.md §2: who stays, and whose header names what afterwards.
const commits = [
  { top: 's3', base: 'base', above: 'active', string: '../library/base.img', left: ['active'] },
  { top: 's2', base: 'base', above: 's3', string: '../../library/base.img', left: ['active', 's3'] },
  { top: 's1', base: 'base', above: 's2', string: '../../library/base.img', left: ['active', 's3', 's2'] },
  { top: 's2', base: 's1', above: 's3', string: 's1.img', left: ['active', 's3', 'base'] },
  { top: 's3', base: 's2', above: 'active', string: 'snaps/s2.img', left: ['active', 's1', 'base'] },
  { top: 's3', base: 's1', above: 'active', string: 'snaps/s1.img', left: ['active', 'base'] },
] as const satisfies {
  top: LayerName;
  base: LayerName;
  above: LayerName;
  string: string;
  left: LayerName[];
}[];

const engines = [
  { where: 'in a storage daemon', open: () => openDaemon('active') },
  { where: 'in a running VM', open: openVm },
] as const;

describe.each(engines)('commit $where', ({ open }) => {
  it.each(commits)('of $top into $base', async ({ top, base, above, string, left }) => {
    const { engine, kill } = await open();
    const said: number[] = [];
    const end = await commitLayers(
      engine,
      { jobId: 'c-op', top: chain.path(top), base: chain.path(base), backingFile: string },
      { progress: (done, total) => said.push(done / total) },
    );
    expect(end).toBe('done');
    expect(said.at(-1)).toBe(1);
    expect(await jobState(engine, 'c-op')).toBeNull();
    const stillOpen = (await engine.chain()).map(({ path }) => path);
    expect(stillOpen).toContain(chain.path(base));
    expect(stillOpen).not.toContain(chain.path(top));
    await kill();
    expect(await backingStringOf(chain.path(above))).toBe(string);
    await expectUnchanged(...left);
    // The committed range now reads from its base.
    await expectSameContent(chain.path(base), chain.flat(top));
    await expectSound(chain.path(base));
  });

  it.each([
    { base: 's3', left: ['s2', 's1', 'base'] },
    { base: 'base', left: [] },
  ] as const)('of the active layer into $base', async ({ base, left }) => {
    const { engine, kill } = await open();
    const request = { jobId: 'a-op', top: chain.path('active'), base: chain.path(base) };
    expect(await untilReady(engine, request)).toBe('ready');
    const told: unknown[] = [];
    await pivot(engine, request, {
      intend: (vmWasRunning) => void told.push(vmWasRunning),
      persist: () => void told.push('persist'),
    });
    expect(told).toEqual([engine.live, 'persist']);
    expect(await jobState(engine, 'a-op')).toBeNull();
    if (engine.live) {
      expect((await engine.chain())[0]?.path).toBe(chain.path(base));
      expect(await engine.qmp.execute('query-status')).toMatchObject({ running: true });
      // Nothing of the old chain is open any more: its files can be unlinked and their space comes back.
      const nodes = await engine.qmp.execute('query-named-block-nodes', { flat: true });
      expect(nodes.filter(({ file }) => file.includes('active'))).toEqual([]);
    }
    await kill();
    await expectSameContent(chain.path(base), chain.flat('active'));
    await expectSound(chain.path(base));
    await expectUnchanged(...left);
  });
});

const pulls = [
  { into: 'active', base: null, string: null },
  { into: 'active', base: 's1', string: 'snaps/s1.img' },
  { into: 's3', base: 'base', string: '../../library/base.img' },
  { into: 's2', base: null, string: null },
] as const satisfies { into: LayerName; base: LayerName | null; string: string | null }[];

describe.each(engines)('pull $where, its process killed at once', ({ open, where }) => {
  it.each(pulls)('into $into, down to $base', async ({ into, base, string }) => {
    // A daemon opens the chain from the layer that takes the data down: only its top can be flushed.
    const { engine, kill } = where === 'in a running VM' ? await open() : await openDaemon(into);
    const end = await pullLayers(engine, {
      jobId: 'p-op',
      into: chain.path(into),
      base: base && chain.path(base),
      backingFile: string,
    });
    expect(end).toBe('done');
    await kill();
    expect(await backingStringOf(chain.path(into))).toBe(string);
    await expectUnchanged(...chain.names());
  });
});

describe('a pull', () => {
  it('onto the layer it stands on already ends well, with a job or without', async () => {
    const { engine, kill } = await openDaemon('s2');
    const request = { jobId: 'p', into: chain.path('s2'), base: chain.path('s1'), backingFile: 's1.img' };
    expect(['done', 'nothing-to-do']).toContain(await pullLayers(engine, request));
    expect(await jobState(engine, 'p')).toBeNull();
    await kill();
    expect(await backingStringOf(chain.path('s2'))).toBe('s1.img');
    await expectUnchanged(...chain.names());
  });

  it('writes the journal before the link changes, and does not go on when that fails', async () => {
    const { engine } = await openDaemon('active');
    const request = { jobId: 'p', into: chain.path('active'), base: null, backingFile: null };
    const finalizing = async () => {
      expect(await backingStringOf(chain.path('active'))).toBe('snaps/s3.img');
      throw new Error('the journal cannot be written');
    };
    await expect(pullLayers(engine, request, { finalizing })).rejects.toMatchObject({
      code: 'internal-error',
      cause: { message: 'the journal cannot be written' },
    });
    expect(await jobState(engine, 'p')).toBeNull();
    await engine.close();
    expect(await backingStringOf(chain.path('active'))).toBe('snaps/s3.img');
    await expectUnchanged(...chain.names());
  });

  it('can be cancelled, and leaves everything as it was', async () => {
    const { engine } = await openDaemon('active');
    const cancel = new AbortController();
    const request = {
      jobId: 'p',
      into: chain.path('active'),
      base: null,
      backingFile: null,
      speed: 64 * 1024,
    };
    const end = pullLayers(engine, request, {
      cancelled: cancel.signal,
      progress: () => cancel.abort(),
    });
    expect(await end).toBe('cancelled');
    await engine.close();
    await expectUnchanged(...chain.names());
  });

  it('can be paused, resumed and made faster', async () => {
    let pulling: Promise<JobEnd> | undefined;
    const { engine } = await openDaemon('active');
    const request = {
      jobId: 'p',
      into: chain.path('active'),
      base: null,
      backingFile: null,
      speed: 64 * 1024,
    };
    const handled = new Promise<BlockJobControls>((started) => {
      pulling = pullLayers(engine, request, { started });
    });
    const controls = await handled;
    await controls.pause();
    expect(await watchJob(engine.qmp, 'p').until('paused')).toMatchObject({ status: 'paused' });
    await controls.resume();
    await controls.setSpeed(0);
    expect(await pulling).toBe('done');
    await engine.close();
    await expectUnchanged(...chain.names());
  });
});

describe('an active commit of a running VM', () => {
  it('leaves the VM stopped when the switch cannot be recorded, and is finished by a second call', async () => {
    const { engine } = await openVm();
    const request = { jobId: 'a', top: chain.path('active'), base: chain.path('s3') };
    await untilReady(engine, request);
    const persist = () => {
      throw new Error('disk full');
    };
    await expect(pivot(engine, request, { intend: () => undefined, persist })).rejects.toMatchObject({
      cause: { message: 'disk full' },
    });
    expect(await engine.qmp.execute('query-status')).toMatchObject({ running: false });
    let persisted = 0;
    const again = { intend: () => undefined, persist: () => void persisted++ };
    await pivot(engine, request, again, { vmWasRunning: true });
    expect(persisted).toBe(1);
    expect(await engine.qmp.execute('query-status')).toMatchObject({ running: true });
  });

  it('takes along what is written while it is ready', async () => {
    const { engine, kill, vm } = await openVm();
    const request = { jobId: 'a', top: chain.path('active'), base: chain.path('s3') };
    await untilReady(engine, request);
    if (vm) await writeAsGuest(vm, 'd0', 'write -P 0xee 1M 128k');
    await pivot(engine, request, { intend: () => undefined, persist: () => undefined });
    await kill();
    const overwritten = chain.flat('active');
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xee 1M 128k', overwritten]);
    await expectSameContent(chain.path('s3'), overwritten);
  });

  it('that is given up when ready changes nothing', async () => {
    const { engine, kill } = await openVm();
    const cancel = new AbortController();
    const request = { jobId: 'a', top: chain.path('active'), base: chain.path('s3'), speed: 64 * 1024 };
    const end = untilReady(engine, request, { cancelled: cancel.signal, progress: () => cancel.abort() });
    expect(await end).toBe('cancelled');
    expect((await engine.chain())[0]?.path).toBe(chain.path('active'));
    await kill();
    await expectUnchanged('active');
  });
});

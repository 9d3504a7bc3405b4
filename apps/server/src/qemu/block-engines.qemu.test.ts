import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchJob } from '@strata/qmp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backingStringOf, DiskChain, expectSameContent, expectSound, run } from '../testing/disk-chain.ts';
import { startTestVm, writeAsGuest } from '../testing/live-disk.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { createBlockEngines } from './block-engines.ts';
import { abandonJob, commitLayers, jobState, pullLayers } from './block-jobs.ts';
import { closeDroppedNodes } from './dropped-nodes.ts';

let original: DiskChain;
let chain: DiskChain;
let runDir: string;
const opened: BlockEngine[] = [];

beforeAll(async () => {
  original = await DiskChain.make();
});
afterAll(() => original.remove());
beforeEach(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'run-'));
  chain = await original.copy();
});
afterEach(async () => {
  for (const engine of opened.splice(0)) if (engine.qmp.isOpen) await engine.close();
  await chain.remove();
  await rm(runDir, { recursive: true, force: true });
});

async function open(members = chain.members('active'), id = 'op', layers?: number): Promise<BlockEngine> {
  const only = layers === undefined ? {} : { layers };
  const engine = await createBlockEngines({ runDir }).openDaemon({ id, chain: members, ...only });
  opened.push(engine);
  return engine;
}

describe('a storage daemon', () => {
  it('opens a chain and knows its layers by their real paths', async () => {
    const engine = await open();
    expect((await engine.chain()).map(({ path, format }) => [path, format])).toEqual(
      ['active', 's3', 's2', 's1', 'base'].map((name) => [chain.path(name as 'base'), 'qcow2']),
    );
    expect(await engine.topNode()).toBe(await engine.nodeOf(chain.path('active')));
    const link = join(runDir, 'link');
    await symlink(chain.folder, link);
    expect(await engine.nodeOf(join(link, 'vm/snaps/../../library/base.img'))).toBe(
      await engine.nodeOf(chain.path('base')),
    );
    await expect(engine.nodeOf(chain.flat('s1'))).rejects.toMatchObject({ code: 'plan-stale' });
  });

  it('holds the upper layers alone when only these are asked for, and lets nobody else write them', async () => {
    const engine = await open(chain.members('active'), 'op', 2);
    expect((await engine.chain()).map(({ path }) => path)).toEqual([chain.path('active'), chain.path('s3')]);
    const write = (name: 'active' | 's3') =>
      run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 0 512', chain.path(name)]);
    await expect(write('active')).rejects.toThrow(/lock/);
    await expect(write('s3')).rejects.toThrow(/lock/);
    await engine.close();
    await expectSameContent(chain.path('active'), chain.flat('active'));
  });

  it('keeps its socket, its log and its pid file to itself, and takes them along when it ends', async () => {
    const engine = await open();
    for (const name of await readdir(runDir)) expect((await stat(join(runDir, name))).mode & 0o077).toBe(0);
    await engine.close();
    await engine.exited;
    expect(await readdir(runDir)).toEqual([]);
  });

  it('holds the locks: a second one is refused with the name of the file', async () => {
    await open();
    await expect(open(chain.members('active'), 'other')).rejects.toMatchObject({
      code: 'image-locked',
      message: expect.stringContaining(chain.path('active')),
    });
    expect((await readdir(runDir)).filter((name) => name.includes('other'))).toEqual([]);
  });

  it('is refused a disk that a VM is running on', async () => {
    const vm = await startTestVm(runDir, { d0: chain.path('active') });
    try {
      await expect(open()).rejects.toMatchObject({ code: 'image-locked' });
    } finally {
      await vm.kill();
    }
  });

  it('is not started when the chain is another by now', async () => {
    const [active, s3, s2, s1, base] = chain.members('active');
    if (!active || !s3 || !s2 || !s1 || !base) throw new Error('five layers');
    await expect(open([active, s3, s2, base])).rejects.toMatchObject({ code: 'plan-stale' });
    await expect(open([active, s3, s2, s1])).rejects.toMatchObject({ code: 'plan-stale' });
    await expect(open([active, s3, s2, s1, { ...base, format: 'raw' }])).rejects.toMatchObject({
      code: 'plan-stale',
    });
  });

  it('says which file is missing', async () => {
    await rm(chain.path('s1'));
    await expect(open()).rejects.toMatchObject({
      code: 'image-unreadable',
      message: expect.stringContaining(chain.path('s1')),
    });
  });

  it('is refused a socket path that is too long for the kernel, before anything is started', async () => {
    const deep = join(runDir, 'x'.repeat(100));
    await mkdir(deep);
    const engines = createBlockEngines({ runDir: deep });
    const opening = engines.openDaemon({ id: 'op', chain: chain.members('active') });
    await expect(opening).rejects.toMatchObject({ code: 'path-too-long' });
    expect(await readdir(deep)).toEqual([]);
  });

  it('takes a path with commas, spaces and quotes for a path', async () => {
    const odd = join(runDir, `a,b "c" 'd'`);
    await mkdir(odd);
    const engine = await createBlockEngines({ runDir: odd }).openDaemon({
      id: 'op',
      chain: chain.members('s1'),
    });
    opened.push(engine);
    const found = await createBlockEngines({ runDir: odd }).findDaemon('op');
    expect(found).toEqual(engine.daemon);
  });

  it('opens a layer that only the host’s owner may write', async () => {
    await chmod(chain.path('base'), 0o444);
    const engine = await open();
    expect(await engine.chain()).toHaveLength(5);
  });
});

describe('formats are never guessed', () => {
  it('by a chain whose headers do not record them: the members are given with theirs', async () => {
    const nameless = await DiskChain.make({ withoutFormats: true });
    try {
      const engine = await open(nameless.members('active'));
      const request = {
        jobId: 'c',
        top: nameless.path('s2'),
        base: nameless.path('s1'),
        backingFile: 's1.img',
      };
      expect(await commitLayers(engine, request)).toBe('done');
      await engine.close();
      expect(await backingStringOf(nameless.path('s3'))).toBe('s1.img');
      await run('qemu-img', [
        'rebase',
        '-u',
        '-f',
        'qcow2',
        '-b',
        '../../library/base.img',
        '-F',
        'qcow2',
        nameless.path('s1'),
      ]);
      await run('qemu-img', [
        'rebase',
        '-u',
        '-f',
        'qcow2',
        '-b',
        's1.img',
        '-F',
        'qcow2',
        nameless.path('s3'),
      ]);
      await run('qemu-img', [
        'rebase',
        '-u',
        '-f',
        'qcow2',
        '-b',
        'snaps/s3.img',
        '-F',
        'qcow2',
        nameless.path('active'),
      ]);
      await expectSameContent(nameless.path('active'), nameless.flat('active'));
      await expectSameContent(nameless.path('s1'), nameless.flat('s2'));
    } finally {
      await nameless.remove();
    }
  });

  it('for a raw base that begins like a qcow2 image', async () => {
    const rawBase = await DiskChain.make({ baseFormat: 'raw' });
    try {
      const bytes = 'write -P 0x51 0 1';
      await run('qemu-io', ['-f', 'raw', '-c', bytes, rawBase.path('base')]);
      const members = rawBase
        .members('s1')
        .map((member, index) => (index === 1 ? { ...member, format: 'raw' as const } : member));
      const engine = await open(members);
      expect((await engine.chain()).map(({ format }) => format)).toEqual(['qcow2', 'raw']);
      const request = { jobId: 'p', into: rawBase.path('s1'), base: null, backingFile: null };
      expect(await pullLayers(engine, request)).toBe('done');
    } finally {
      await rawBase.remove();
    }
  });

  it('for a raw image by itself', async () => {
    const rawBase = await DiskChain.make({ baseFormat: 'raw' });
    try {
      const engine = await open([{ path: rawBase.path('base'), format: 'raw' }]);
      expect(await engine.chain()).toEqual([{ path: rawBase.path('base'), format: 'raw', node: 'top' }]);
      await engine.flush(rawBase.path('base'));
    } finally {
      await rawBase.remove();
    }
  });
});

describe('after a restart of the server', () => {
  it('a daemon is taken up in the middle of a commit, and the commit is brought to its end', async () => {
    const request = {
      jobId: 'c-op',
      top: chain.path('s3'),
      base: chain.path('base'),
      backingFile: '../library/base.img',
    };
    const before = await open();
    const interrupted = commitLayers(
      before,
      { ...request, speed: 256 * 1024 },
      { progress: () => before.qmp.close() },
    );
    await expect(interrupted).rejects.toMatchObject({ code: 'qemu-unresponsive' });

    const engines = createBlockEngines({ runDir });
    const identity = await engines.findDaemon('op');
    expect(identity).toEqual(before.daemon);
    if (!identity) throw new Error('not found');
    const engine = await engines.adoptDaemon(identity);
    if (!engine) throw new Error('not adopted');
    opened.push(engine);
    expect(await jobState(engine, 'c-op')).toMatchObject({ type: 'commit', status: 'running' });
    const end = await commitLayers(engine, request, { started: (controls) => void controls.setSpeed(0) });
    expect(end).toBe('done');
    await engine.close();
    await expectSameContent(chain.path('active'), chain.flat('active'));
    await expectSameContent(chain.path('base'), chain.flat('s3'));
    await expectSound(chain.path('base'));
  });

  it('a daemon that was killed is known to be gone, and its files are cleared away', async () => {
    const before = await open();
    if (!before.daemon) throw new Error('a daemon has an identity');
    process.kill(before.daemon.pid, 'SIGKILL');
    await before.exited;
    const engines = createBlockEngines({ runDir });
    expect(await engines.findDaemon('op')).toBeNull();
    expect(await engines.adoptDaemon(before.daemon)).toBeNull();
    expect(await readdir(runDir)).toEqual([]);
  });

  it('a daemon that was killed before anybody wrote it down leaves nothing, found by its name', async () => {
    const before = await open();
    process.kill(before.daemon?.pid ?? 0, 'SIGKILL');
    await before.exited;
    expect(await readdir(runDir)).not.toEqual([]);
    expect(await createBlockEngines({ runDir }).findDaemon('op')).toBeNull();
    expect(await readdir(runDir)).toEqual([]);
  });

  it('a daemon that has not yet written its pid file is found by its socket', async () => {
    const before = await open();
    await rm(join(runDir, 'd-op.pid'));
    const engines = createBlockEngines({ runDir });
    expect(await engines.findDaemon('op')).toEqual(before.daemon);
  });

  it('the daemon that took the place of a dead one is found, though only the dead one was written down', async () => {
    const first = await open();
    const dead = first.daemon;
    if (dead === null) throw new Error('no daemon');
    const files = (await readdir(runDir)).map((name) => join(runDir, name));
    const pidFile = await readFile(join(runDir, 'd-op.pid'), 'utf8');
    process.kill(dead.pid, 'SIGKILL');
    await first.exited;
    await Promise.all(files.map((file) => rm(file, { force: true })));
    const second = await open();
    await writeFile(join(runDir, 'd-op.pid'), pidFile);
    second.qmp.close();
    const adopted = await createBlockEngines({ runDir }).adoptDaemon(dead);
    expect(adopted?.daemon).toEqual(second.daemon);
    await adopted?.close();
  });

  it('another process with the number of an old daemon is not taken for it', async () => {
    const engines = createBlockEngines({ runDir });
    const socket = join(runDir, 'd-op.sock');
    expect(await engines.adoptDaemon({ pid: process.pid, startTime: '1', socket })).toBeNull();
  });
});

/** A stream that has concluded and that nobody has dismissed: a server died in between. */
async function leaveConcludedStream(engine: BlockEngine): Promise<void> {
  const job = watchJob(engine.qmp, 'left');
  await engine.qmp.execute('block-stream', {
    'job-id': 'left',
    device: await engine.topNode(),
    'auto-dismiss': false,
  });
  await job.until('concluded');
}

describe('a pull that nobody dismissed (asking for all nodes then crashes QEMU 7.2)', () => {
  it('leaves a running VM alive when its chain is read, and does not hinder the next pull', async () => {
    const vm = await startTestVm(runDir, { d0: chain.path('active') });
    try {
      const engine = createBlockEngines({ runDir }).live(vm, 'd0');
      await leaveConcludedStream(engine);
      expect(await engine.chain()).toHaveLength(1);
      await closeDroppedNodes(vm.qmp);
      expect(await vm.qmp.execute('query-status')).toMatchObject({ running: true });
      const request = { jobId: 'left', into: chain.path('active'), base: null, backingFile: null };
      expect(await pullLayers(engine, request)).toBe('done');
    } finally {
      await vm.kill();
    }
    await expectSameContent(chain.path('active'), chain.flat('active'));
  });

  it('keeps a storage daemon from being asked', async () => {
    const engine = await open();
    await leaveConcludedStream(engine);
    await expect(engine.chain()).rejects.toMatchObject({ code: 'internal-error' });
    await abandonJob(engine, 'left');
    expect(await engine.chain()).toHaveLength(1);
  });
});

describe('a running VM', () => {
  it('finds the node of a shared base in the chain of the right disk', async () => {
    const other = join(chain.folder, 'vm/other.img');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '../library/base.img', '-F', 'qcow2', other]);
    const vm = await startTestVm(runDir, { d0: chain.path('active'), d1: other });
    try {
      const engines = createBlockEngines({ runDir });
      const nodes = await Promise.all(
        ['d0', 'd1'].map((disk) => engines.live(vm, disk).nodeOf(chain.path('base'))),
      );
      expect(new Set(nodes).size).toBe(2);
      expect(await engines.live(vm, 'd1').chain()).toHaveLength(2);
      const request = { jobId: 'p', into: other, base: null, backingFile: null };
      expect(await pullLayers(engines.live(vm, 'd1'), request)).toBe('done');
    } finally {
      await vm.kill();
    }
    await expectSameContent(other, chain.flat('base'));
  });

  it('has its active layer’s tables on disk after a flush, running or stopped', async () => {
    const vm = await startTestVm(runDir, { d0: chain.path('active') }, 'stopped');
    try {
      const engine = createBlockEngines({ runDir }).live(vm, 'd0');
      await writeAsGuest(vm, 'd0', 'write -P 0xee 0 1M');
      await engine.flush(chain.path('active'));
      await engine.flush(chain.path('s2'));
      expect(await vm.qmp.execute('query-status')).toMatchObject({ running: false });
    } finally {
      await vm.kill();
    }
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0xee 0 1M', chain.flat('active')]);
    await expectSameContent(chain.path('active'), chain.flat('active'));
  });
});

import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectSameContent, expectSound, run } from '../testing/disk-chain.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { daemonEngine } from './block-engine-daemon.ts';
import { createBlockEngines } from './block-engines.ts';
import { commitLayers, pullLayers } from './block-jobs.ts';
import type { BlockJobControls, JobEnd, JobFollow } from './block-jobs.types.ts';
import { topFileName, topNodeName } from './chain-options.ts';
import { daemonFiles, startDaemon } from './storage-daemon.ts';

let folder: string;
let engine: BlockEngine | null = null;
const file = (name: string): string => join(folder, `${name}.qcow2`);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-'));
});
afterEach(async () => {
  await engine?.close();
  engine = null;
  await rm(folder, { recursive: true, force: true });
});

/** base ← s1 ← active in this folder, 3 MiB of data in s1; and a flat copy of active elsewhere. */
async function makeChain(where: string): Promise<void> {
  const at = (name: string) => join(where, `${name}.qcow2`);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', at('base'), '16M']);
  for (const [name, below] of [
    ['s1', 'base'],
    ['active', 's1'],
  ] as const)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', `${below}.qcow2`, '-F', 'qcow2', at(name)]);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x11 0 3M', at('s1')]);
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'qcow2', at('active'), file('flat')]);
}

const request = (where: string) => ({
  jobId: 'c',
  top: join(where, 's1.qcow2'),
  base: join(where, 'base.qcow2'),
  backingFile: 'base.qcow2',
});

/** Starts the work, waits until it says that there is no space, lets `free` make some, resumes, and answers the end. */
async function throughFullDisk(
  work: (follow: JobFollow) => Promise<JobEnd>,
  free: () => Promise<void>,
): Promise<JobEnd> {
  let controls: BlockJobControls | undefined;
  const said: (string | null)[] = [];
  const end = await new Promise<JobEnd>((resolve, reject) => {
    const paused = (reason: 'no-space' | null) => {
      said.push(reason);
      if (reason === 'no-space')
        free()
          .then(() => controls?.resume())
          .catch(reject);
    };
    const started = (given: BlockJobControls) => {
      controls = given;
    };
    work({ started, paused }).then(resolve, reject);
  });
  expect(said).toEqual(['no-space', null]);
  return end;
}

describe('a merge that finds the disk full', () => {
  it('pauses, and goes on when it is resumed (an error injected by QEMU’s own blkdebug)', async () => {
    await makeChain(folder);
    const full = { event: 'cluster_alloc', errno: 28, once: true };
    const image = { driver: 'file', filename: file('active') };
    const { identity, qmp } = await startDaemon('Opening', daemonFiles(folder, 'op'), {
      driver: 'qcow2',
      'node-name': topNodeName,
      file: { driver: 'blkdebug', 'node-name': topFileName, 'inject-error': [full], image },
    });
    const opened = daemonEngine({ identity, qmp });
    engine = opened;
    const pull = { jobId: 'p', into: file('active'), base: null, backingFile: null };
    const work = (follow: JobFollow) => pullLayers(opened, pull, follow);
    expect(await throughFullDisk(work, () => Promise.resolve())).toBe('done');
    await opened.close();
    await expectSameContent(file('active'), file('flat'));
    await expectSound(file('active'));
  });

  // Mounting takes root; the case before needs no rights and covers the same steps.
  it.runIf(process.getuid?.() === 0)(
    'pauses on a file system that is really full, until there is room',
    async () => {
      const mount = await mkdtemp(join(tmpdir(), 'small-'));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=9m', 'tmpfs', mount]);
      try {
        await makeChain(mount);
        const ballast = join(mount, 'ballast');
        await writeFile(ballast, Buffer.alloc(4 * 1024 * 1024));
        const opened = await createBlockEngines({ runDir: folder }).openDaemon({
          id: 'op',
          chain: ['active', 's1', 'base'].map((name) => ({
            path: join(mount, `${name}.qcow2`),
            format: 'qcow2',
          })),
        });
        engine = opened;
        const work = (follow: JobFollow) => commitLayers(opened, request(mount), follow);
        expect(await throughFullDisk(work, () => truncate(ballast))).toBe('done');
        await engine.close();
        for (const name of ['active', 'base']) await copyFile(join(mount, `${name}.qcow2`), file(name));
        await expectSameContent(file('active'), file('flat'));
        await expectSound(file('base'));
      } finally {
        await run('umount', ['-l', mount]);
        await rm(mount, { recursive: true, force: true });
      }
    },
  );
});

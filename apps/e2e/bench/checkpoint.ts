import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json, Strata } from '../src/strata.ts';
import { type RawQmp, startRaw } from './raw-qmp.ts';
import { type Line, median } from './table.ts';

const times = 7;
const memory = '256M';

/** From the request until it is done, and for how long the guest stood. */
interface Taken {
  readonly wholeMs: number;
  readonly pauseMs: number;
}

const medians = (taken: readonly Taken[]): Taken => ({
  wholeMs: median(taken.map(({ wholeMs }) => wholeMs)),
  pauseMs: median(taken.map(({ pauseMs }) => pauseMs)),
});

/** Each stands below the one that was taken before it. */
const pauseOf = (tree: readonly Json[], id: string): number => {
  const [snapshot] = tree;
  if (snapshot === undefined) throw new Error(`there is no snapshot ${id}`);
  return snapshot.id === id ? snapshot.pauseMs : pauseOf(snapshot.children, id);
};

const ours = async (strata: Strata): Promise<{ taken: Taken; accelerator: string }> => {
  const vm = await strata.ok('POST', '/vms', {
    name: 'checkpoints',
    memory,
    disks: [{ create: { format: 'qcow2', size: '64M' } }],
    nics: [],
  });
  const { effectiveAccelerator } = await strata.ok('POST', `/vms/${vm.id}/start`);
  const seen: Taken[] = [];
  const path = `/vms/${vm.id}/snapshots`;
  for (let at = 0; at < times; at += 1) {
    const begin = performance.now();
    const { state, error, result } = await strata.ok('POST', `${path}?wait=60`, {
      name: `s${at}`,
      memory: true,
    });
    const wholeMs = performance.now() - begin;
    if (state !== 'done') throw new Error(JSON.stringify(error));
    const { tree } = await strata.ok('GET', path);
    seen.push({ wholeMs, pauseMs: pauseOf(tree, result.snapshotId) });
  }
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  return { taken: medians(seen), accelerator: effectiveAccelerator.kind };
};

/** What QEMU sends to the socket, in a file and on the disk. */
const received = (socket: string, file: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer((connection) => {
      server.close();
      const kept = async (): Promise<void> => {
        await pipeline(connection, createWriteStream(file));
        const handle = await open(file, 'r');
        await handle.sync();
        await handle.close();
      };
      kept().then(resolve, reject);
    });
    server.listen(socket);
  });

const oneByHand = async (
  qmp: RawQmp,
  folder: string,
  { at, stopped }: { readonly at: number; readonly stopped: boolean },
): Promise<Taken> => {
  const [below, above] = [join(folder, `${at}.qcow2`), join(folder, `${at + 1}.qcow2`)];
  execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-b', below, '-F', 'qcow2', above, '64M']);
  const [socket, ram] = [join(folder, 'm'), join(folder, `${at}.ram`)];
  await rm(socket, { force: true });
  const begin = performance.now();
  const file = { driver: 'file', filename: above };
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': `d${at + 1}`, backing: null, file });
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
  const limits = { 'max-bandwidth': 8 * 1024 ** 3, 'downtime-limit': 20 };
  await qmp.execute('migrate-set-parameters', limits);
  const saved = received(socket, ram);
  const stood = qmp.event('STOP').then(() => performance.now());
  const completed = qmp.event('MIGRATION', ({ status }) => status === 'completed');
  if (stopped) await qmp.execute('stop');
  await qmp.execute('migrate', { uri: `unix:${socket}` });
  await completed;
  // QEMU tells of the end a moment before it is there, and refuses to go on until then.
  while ((await qmp.execute('query-status')).status !== 'postmigrate') await delay(1);
  const data = { node: `d${at}`, overlay: `d${at + 1}` };
  await qmp.execute('transaction', { actions: [{ type: 'blockdev-snapshot', data }] });
  const goesOn = qmp.event('RESUME').then(() => performance.now());
  await qmp.execute('cont');
  const pauseMs = (await goesOn) - (await stood);
  await saved;
  return { wholeMs: performance.now() - begin, pauseMs };
};

/** qemu-recipes: the overlay made before, the memory through a socket into a file, the switch, the guest goes on. */
const byHand = async (folder: string, stopped: boolean): Promise<Taken> => {
  mkdirSync(folder);
  const [path, socket] = [join(folder, '0.qcow2'), join(folder, 'q')];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '64M']);
  const blockdev = { driver: 'qcow2', 'node-name': 'd0', file: { driver: 'file', filename: path } };
  const qmp = await startRaw(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-display', 'none', '-machine', 'q35', '-vga', 'std', '-m', memory],
      ...['-accel', 'kvm', '-accel', 'tcg'],
      ...['-chardev', `socket,id=q,path=${socket},server=on,wait=off`, '-mon', 'chardev=q,mode=control'],
      ...['-blockdev', JSON.stringify(blockdev), '-device', 'virtio-blk-pci,drive=d0'],
    ],
    socket,
  );
  const seen: Taken[] = [];
  for (let at = 0; at < times; at += 1) seen.push(await oneByHand(qmp, folder, { at, stopped }));
  await qmp.quit();
  return medians(seen);
};

/**
 * A snapshot with memory of a guest that does nothing, beside the same by QMP alone. An emulated guest stands in Strata for all
 * of it (docs/decisions), so it is compared with both: with a guest that runs meanwhile, and with one that stands.
 */
export const benchCheckpoint = async (strata: Strata): Promise<Line[]> => {
  const { taken, accelerator } = await ours(strata);
  const ways = [{ name: 'guest running', stopped: false }];
  if (accelerator === 'tcg') ways.push({ name: 'guest stopped', stopped: true });
  const lines: Line[] = [];
  for (const { name, stopped } of ways) {
    const hand = await byHand(join(strata.dataDir, stopped ? 'stopped' : 'runs'), stopped);
    const other = `raw QMP, ${name}`;
    lines.push(
      {
        ...{ what: `checkpoint of an idle guest (${accelerator}), request to done`, other, aim: '' },
        ...{ strata: taken.wholeMs, otherMs: hand.wholeMs },
      },
      {
        ...{ what: `checkpoint of an idle guest (${accelerator}), its pause`, other, aim: '< 50 ms' },
        ...{ strata: taken.pauseMs, otherMs: hand.pauseMs },
      },
    );
  }
  return lines;
};

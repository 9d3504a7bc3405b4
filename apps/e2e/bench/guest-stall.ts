import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type GuestConsole, openSerial } from '../../server/src/testing/guest-console.ts';
import { buildLinuxGuest } from '../../server/src/testing/linux-guest.ts';
import { defineMachine, withGuest } from '../src/restore-points/machines.ts';
import type { Strata } from '../src/strata.ts';
import { startRaw } from './raw-qmp.ts';
import { type Line, median } from './table.ts';

const times = 9;
/** So many writes before a snapshot and so many after it: what else delays a write meets both sides alike. */
const writesAround = 5;

const written = async (guest: GuestConsole, atLeast: number): Promise<void> => {
  while (Number(await guest.command('latency-count')) < atLeast) await delay(20);
};

/** For how many milliseconds the longest flushed write of the guest took while `take` was done. */
const longestWrite = async (guest: GuestConsole, take: () => Promise<unknown>): Promise<number> => {
  await guest.command('latency-start /dev/vda 16');
  await written(guest, writesAround);
  await take();
  const before = Number(await guest.command('latency-count'));
  await written(guest, before + writesAround);
  return Number(await guest.command('latency-stop'));
};

const several = async (one: (at: number) => Promise<number>): Promise<number> => {
  const seen: number[] = [];
  for (let at = 0; at < times; at += 1) seen.push(await one(at));
  return median(seen);
};

const ours = async (strata: Strata): Promise<number> => {
  const machine = await defineMachine(strata);
  await strata.ok('POST', `/vms/${machine.vmId}/start`);
  const path = `/vms/${machine.vmId}/snapshots?wait=30`;
  const longest = await withGuest(strata, machine, (guest) =>
    several((at) => longestWrite(guest, () => strata.ok('POST', path, { name: `s${at}` }))),
  );
  await strata.ok('POST', `/vms/${machine.vmId}/poweroff`);
  return longest;
};

const answering = async (socket: string): Promise<GuestConsole> => {
  while (!existsSync(socket)) await delay(20);
  const guest = await openSerial(socket);
  for (;;)
    try {
      await guest.command('ping', 1000);
      return guest;
    } catch {
      // It is booting.
    }
};

/** The same guest by hand: the overlays are made and open before the guest begins to write; what is timed is the switch alone. */
const raw = async (folder: string): Promise<number> => {
  mkdirSync(folder);
  const { kernel, initrd, append } = await buildLinuxGuest();
  const disks = ['a', 'b'];
  const pathOf = (disk: string, at: number): string => join(folder, `${disk}-${at}.qcow2`);
  const nodeOf = (disk: string, at: number): string => `${disk}${at}`;
  const attached = disks.flatMap((disk) => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', pathOf(disk, 0), '2M']);
    const file = { driver: 'file', filename: pathOf(disk, 0) };
    const blockdev = { driver: 'qcow2', 'node-name': nodeOf(disk, 0), file };
    return [
      ...['-blockdev', JSON.stringify(blockdev)],
      ...['-device', `virtio-blk-pci,drive=${nodeOf(disk, 0)}`],
    ];
  });
  const socket = join(folder, 'q');
  const qmp = await startRaw(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'tcg', '-cpu', 'max', '-m', '128M'],
      ...['-kernel', kernel, '-initrd', initrd ?? '', '-append', append],
      ...['-chardev', `socket,id=q,path=${socket},server=on,wait=off`, '-mon', 'chardev=q,mode=control'],
      ...['-chardev', `socket,id=s,path=${socket}s,server=on,wait=off`, '-device', 'isa-serial,chardev=s'],
      ...attached,
    ],
    socket,
  );
  const guest = await answering(`${socket}s`);
  const longest = await several(async (at) => {
    for (const disk of disks) {
      const [below, above] = [pathOf(disk, at), pathOf(disk, at + 1)];
      // The guest has the layer below open.
      execFileSync('qemu-img', [
        'create',
        '-q',
        '-u',
        '-f',
        'qcow2',
        '-b',
        below,
        '-F',
        'qcow2',
        above,
        '2M',
      ]);
      const file = { driver: 'file', filename: above };
      const overlay = { driver: 'qcow2', 'node-name': nodeOf(disk, at + 1), backing: null, file };
      await qmp.execute('blockdev-add', overlay);
    }
    const actions = disks.map((disk) => ({
      type: 'blockdev-snapshot',
      data: { node: nodeOf(disk, at), overlay: nodeOf(disk, at + 1) },
    }));
    return longestWrite(guest, () => qmp.execute('transaction', { actions }));
  });
  guest.close();
  await qmp.quit();
  return longest;
};

/** A Linux that writes and flushes one block over and over on one of its two disks, while a snapshot of both is taken. */
export const benchGuestStall = async (strata: Strata): Promise<Line[]> => [
  {
    what: 'longest write of a guest while a live snapshot is taken',
    strata: await ours(strata),
    other: 'blockdev-snapshot',
    otherMs: await raw(join(strata.dataDir, 'stall')),
    aim: '≤ 1.1',
  },
];

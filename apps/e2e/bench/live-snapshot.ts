import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Strata } from '../src/strata.ts';
import { startRaw } from './raw-qmp.ts';
import { type Line, median, timed } from './table.ts';

const times = 15;

/** One `transaction` of a `blockdev-snapshot-sync` a disk, which creates the overlays in QEMU itself. */
const raw = async (folder: string, disks: readonly number[]): Promise<number> => {
  const pathOf = (disk: number, at: number): string =>
    join(folder, `raw-${disks.length}-${disk}-${at}.qcow2`);
  const socket = join(folder, '.raw.sock');
  const attached = disks.flatMap((disk) => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', pathOf(disk, 0), '64M']);
    const file = { driver: 'file', filename: pathOf(disk, 0) };
    const blockdev = { driver: 'qcow2', 'node-name': `d${disk}-0`, file };
    return ['-blockdev', JSON.stringify(blockdev), '-device', `virtio-blk-pci,drive=d${disk}-0`];
  });
  const qmp = await startRaw(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-display', 'none', '-m', '64', '-accel', 'tcg'],
      ...['-chardev', `socket,id=q,path=${socket},server=on,wait=off`, '-mon', 'chardev=q,mode=control'],
      ...attached,
    ],
    socket,
  );
  const seen: number[] = [];
  for (let at = 1; at <= times; at += 1) {
    const actions = disks.map((disk) => ({
      type: 'blockdev-snapshot-sync',
      data: {
        'node-name': `d${disk}-${at - 1}`,
        'snapshot-file': pathOf(disk, at),
        'snapshot-node-name': `d${disk}-${at}`,
        format: 'qcow2',
      },
    }));
    seen.push(await timed(() => qmp.execute('transaction', { actions })));
  }
  await qmp.quit();
  return median(seen);
};

const ours = async (strata: Strata, disks: readonly number[]): Promise<number> => {
  const vm = await strata.ok('POST', '/vms', {
    name: `bench ${disks.length}`,
    memory: '64M',
    disks: disks.map(() => ({ create: { format: 'qcow2', size: '64M' } })),
    nics: [],
  });
  await strata.ok('POST', `/vms/${vm.id}/start`);
  const seen: number[] = [];
  for (let at = 0; at < times; at += 1) {
    seen.push(
      await timed(async () => {
        const operation = await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: `s${at}` });
        if (operation.state !== 'done') throw new Error(JSON.stringify(operation.error));
      }),
    );
  }
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  return median(seen);
};

export const benchLiveSnapshot = async (strata: Strata): Promise<Line[]> => {
  const lines: Line[] = [];
  for (const disks of [[0], [0, 1, 2, 3]])
    lines.push({
      what: `live snapshot, ${disks.length === 1 ? '1 disk' : `${disks.length} disks`}, request to done`,
      strata: await ours(strata, disks),
      other: 'blockdev-snapshot-sync',
      otherMs: await raw(strata.dataDir, disks),
      aim: '',
    });
  return lines;
};

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Strata } from '../src/strata.ts';
import { startRaw } from './raw-qmp.ts';
import { type Line, median, timed } from './table.ts';

const times = 15;

/** One `transaction` of one `blockdev-snapshot-sync`, which creates the overlay in QEMU itself. */
const raw = async (folder: string): Promise<number> => {
  const active = join(folder, 'raw-active.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', active, '64M']);
  const socket = join(folder, '.raw.sock');
  const blockdev = { driver: 'qcow2', 'node-name': 'd0', file: { driver: 'file', filename: active } };
  const qmp = await startRaw(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-display', 'none', '-m', '64', '-accel', 'tcg'],
      ...['-chardev', `socket,id=q,path=${socket},server=on,wait=off`, '-mon', 'chardev=q,mode=control'],
      ...['-blockdev', JSON.stringify(blockdev), '-device', 'virtio-blk-pci,drive=d0'],
    ],
    socket,
  );
  const seen: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const data = {
      'node-name': at === 0 ? 'd0' : `n${at - 1}`,
      'snapshot-file': join(folder, `raw-${at}.qcow2`),
      'snapshot-node-name': `n${at}`,
      format: 'qcow2',
    };
    const actions = [{ type: 'blockdev-snapshot-sync', data }];
    seen.push(await timed(() => qmp.execute('transaction', { actions })));
  }
  await qmp.quit();
  return median(seen);
};

export const benchLiveSnapshot = async (strata: Strata): Promise<Line[]> => {
  const vm = await strata.ok('POST', '/vms', {
    name: 'bench',
    memory: '64M',
    disks: [{ create: { format: 'qcow2', size: '64M' } }],
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
  const otherMs = await raw(strata.dataDir);
  return [
    {
      what: 'live snapshot, request to done',
      strata: median(seen),
      other: 'blockdev-snapshot-sync',
      otherMs,
      aim: '',
    },
  ];
};

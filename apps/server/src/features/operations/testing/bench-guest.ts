import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { startTestVm, type TestVm, writeAsGuest } from '../../../testing/live-disk.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import { cluster } from './bench-layers.ts';
import type { Bench, BenchFolder } from './chain-bench.ts';

/** A running QEMU on the disks of a VM of the bench, and beside each disk a raw copy that gets the same writes. */
export interface BenchGuest {
  readonly live: LiveVm;
  write(disk: number, at: number, pattern: number): Promise<void>;
  isRunning(): Promise<boolean>;
  kill(): Promise<void>;
  /** The raw copy: what the guest must read. */
  expected(disk: number): string;
}

export const startGuest = async (
  folder: BenchFolder,
  bench: Bench,
  vmId: string,
  copies: ReadonlyMap<string, string>,
  cpus: 'running' | 'stopped' = 'running',
): Promise<BenchGuest> => {
  const images = bench.vms.get(vmId).disks.map((disk) => disk.imageId);
  const names = Object.fromEntries(
    images.map((imageId, index) => [`v${index}`, bench.images.facts(imageId).path]),
  );
  mkdirSync(join(folder.folder, 'vm'), { recursive: true });
  const vm: TestVm = await startTestVm(join(folder.folder, 'vm'), names, cpus);
  const live: LiveVm = {
    vmId,
    pid: vm.pid,
    qmp: vm.qmp,
    exited: vm.exited,
    qdevOf: (diskId) => vm.qdevOf(`v${diskId.slice(vmId.length + 1)}`),
  };
  const expected = (disk: number): string => copies.get(images[disk] ?? '') ?? '';
  return {
    live,
    expected,
    kill: () => vm.kill(),
    isRunning: async () => (await vm.qmp.execute('query-status')).running,
    write: async (disk, at, pattern) => {
      await writeAsGuest(live, `${vmId}d${disk}`, `write -P ${pattern} ${at * cluster} ${cluster}`);
      // What a guest has not flushed may be lost with its QEMU; that is no part of these tests.
      await writeAsGuest(live, `${vmId}d${disk}`, 'flush');
      const copy = { path: expected(disk), format: 'raw' };
      await writeBlocks(copy, [{ offset: at * cluster, length: cluster, pattern }], folder.folder);
    },
  };
};

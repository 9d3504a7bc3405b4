import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectQmp } from '@strata/qmp';
import type { LiveVm } from '../features/vms/vms.types.ts';

export interface TestVm extends LiveVm {
  /** kill -9, and wait until it is gone. */
  kill(): Promise<void>;
}

/**
 * A firmware that stands still: `cli; hlt; jmp -3` at the reset vector. QEMU 7.2 can end with a segmentation fault when a stream is
 * finalized in the very moment in which a firmware sets up the disk (1 of about 30 during the second after a start or a
 * reset; none of 400 afterwards), and these tests are over before SeaBIOS has booted.
 */
function haltingFirmware(): Buffer {
  const firmware = Buffer.alloc(64 * 1024);
  Buffer.from([0xfa, 0xf4, 0xeb, 0xfd]).copy(firmware, 0xfff0);
  return firmware;
}

/**
 * A QEMU with these disks (id → path of the active layer) as the product opens them: named top node, the layers below by the
 * headers. Without a guest: what is written comes through `qemu-io` of its monitor.
 */
export async function startTestVm(
  folder: string,
  disks: Record<string, string>,
  cpus: 'running' | 'stopped' = 'running',
): Promise<TestVm> {
  const socket = join(folder, 'q');
  const firmware = join(folder, 'halt.bin');
  await writeFile(firmware, haltingFirmware());
  const blockdevs = Object.entries(disks).flatMap(([id, path]) => [
    '-blockdev',
    JSON.stringify({ driver: 'file', 'node-name': `f-${id}`, filename: path }),
    '-blockdev',
    JSON.stringify({
      driver: path.endsWith('.raw') ? 'raw' : 'qcow2',
      'node-name': `d-${id}`,
      file: `f-${id}`,
    }),
    '-device',
    `virtio-blk-pci,drive=d-${id},id=disk-${id}`,
  ]);
  const frame = [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-machine',
    'q35',
    '-accel',
    'tcg',
    '-m',
    '32',
    '-bios',
    firmware,
  ];
  const monitor = [
    '-chardev',
    `socket,id=q,path=${socket},server=on,wait=off`,
    '-mon',
    'chardev=q,mode=control',
  ];
  const stopped = cpus === 'stopped' ? ['-S'] : [];
  const child: ChildProcess = spawn('qemu-system-x86_64', [...frame, ...monitor, ...blockdevs, ...stopped], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit').then(() => undefined);
  const qmp = await connectQmp({ path: socket, waitForSocketMs: 15_000 });
  return {
    vmId: 'test',
    pid: child.pid ?? 0,
    qmp,
    exited,
    qdevOf: (diskId) => `/machine/peripheral/disk-${diskId}/virtio-backend`,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A command of qemu-io through the disk's device, where a guest's accesses come in. */
export async function writeAsGuest(vm: LiveVm, diskId: string, command: string): Promise<void> {
  const line = `qemu-io -d ${vm.qdevOf(diskId)} "${command}"`;
  const reply = await vm.qmp.execute('human-monitor-command', { 'command-line': line });
  if (reply !== '') throw new Error(reply);
}

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patternBytes } from '../../../testing/linux-guest.ts';
import { type LinuxVm, startLinuxVm } from '../../../testing/linux-vm.ts';
import { qemuImg } from '../../../testing/work-bench.ts';

let vm: LinuxVm;
const mebibyte = 1024 ** 2;
const block = 4096;

beforeAll(async () => {
  vm = await startLinuxVm('16M');
});
afterAll(() => vm.stop());

describe('the disk of a running VM', () => {
  it('grows under the guest, which is told the new size at once and writes to its new end', async () => {
    const guest = await vm.connect(1);
    const { resizing, operations, library, vms } = vm.strata.services;
    const imageId = vms.get(vm.vmId).disks[0]?.imageId ?? '';
    const { path } = library.images.facts(imageId);
    expect(await guest.command('disks')).toContain(`:${16 * mebibyte}`);
    await guest.command('write /dev/vda 10 4 1');

    const plan = await resizing.plan(imageId, { size: { more: 8 * mebibyte } });
    expect(plan).toMatchObject({ live: true, after: 24 * mebibyte, table: null, blockers: [] });
    expect(plan.notes.join(' ')).toMatch(/told at once/);
    const cut = await resizing.plan(imageId, { size: 8 * mebibyte, shrink: true });
    expect(cut.blockers.map(({ code }) => code)).toEqual(['vm-running']);

    const { fingerprint } = plan;
    const { id } = await resizing.run(imageId, { size: 24 * mebibyte, fingerprint });
    expect(await operations.ended(id)).toMatchObject({ state: 'done' });
    expect(library.images.get(imageId).virtualSize).toBe(24 * mebibyte);
    await expect.poll(() => guest.command('disks'), { timeout: 60_000 }).toContain(`:${24 * mebibyte}`);
    const last = (24 * mebibyte) / block - 4;
    await guest.command(`write /dev/vda ${last} 4 2`);
    expect(await guest.command('check /dev/vda 10 4 1')).toBe('same');

    await vms.poweroff(vm.vmId);
    qemuImg('check', '-q', '-f', 'qcow2', path);
    qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, `${vm.dataDir}/flat`);
    const bytes = readFileSync(`${vm.dataDir}/flat`);
    const at = (from: number, blocks: number): Buffer =>
      bytes.subarray(from * block, (from + blocks) * block);
    expect(bytes.length).toBe(24 * mebibyte);
    expect(at(10, 4).equals(patternBytes(1, 4))).toBe(true);
    expect(at(last, 4).equals(patternBytes(2, 4))).toBe(true);
    expect(at(14, last - 14).every((byte) => byte === 0)).toBe(true);
  });
});

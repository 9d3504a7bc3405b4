import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation, Vm } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagesAreEqual } from '../../qemu/qemu-img.ts';
import { type ExportBench, startExportBench, tool } from '../exports/testing/export-bench.ts';
import { readOvf } from '../imports/ovf/read-ovf.ts';
import { readXml } from '../imports/ovf/read-xml.ts';
import { tarHeader } from './tar-file.ts';

let bench: ExportBench;
beforeEach(async () => {
  bench = await startExportBench();
});
afterEach(() => bench.stop());

const name = `Büro <"1"> & 'co'`;
const makeVm = async (differs: object = {}): Promise<Vm> => {
  const disks = [{ imageId: bench.top.id }];
  const wish = { name, memory: '128M', cpus: 2, disks, ...differs };
  const { body } = await bench.call('POST', '/vms', wish);
  expect(body, JSON.stringify(body)).toMatchObject({ id: expect.any(String) });
  return body as Vm;
};
const exported = async ({ id }: Vm, form: string): Promise<{ archive: string; operation: Operation }> => {
  const operation = await bench.operation(await bench.call('POST', `/vms/${id}/export`, { form }));
  expect([operation.state, operation.error]).toEqual(['done', undefined]);
  const archive = join(bench.scratch, String(operation.result?.name));
  writeFileSync(archive, (await bench.call('GET', `/downloads/${operation.result?.downloadId}`)).raw);
  return { archive, operation };
};
const unpacked = async (archive: string): Promise<{ folder: string; names: string[] }> => {
  const folder = `${archive}.d`;
  mkdirSync(folder);
  await tool('tar', ['-xf', archive, '-C', folder]);
  const { stdout } = await tool('tar', ['-tf', archive]);
  return { folder, names: stdout.trim().split('\n') };
};

describe('a VM as an OVA', () => {
  it('has its description first, its disks as they read, and the sums of all', async () => {
    const { archive, operation } = await exported(await makeVm(), 'ova');
    const { folder, names } = await unpacked(archive);
    expect(names).toEqual(['Bu-ro-1-co.ovf', 'Bu-ro-1-co.mf', 'Bu-ro-1-co-disk1.vmdk']);
    const disk = { path: join(folder, 'Bu-ro-1-co-disk1.vmdk'), format: 'vmdk' as const };
    expect(await imagesAreEqual(disk, bench.top)).toBe(true);
    const sums = readFileSync(join(folder, 'Bu-ro-1-co.mf'), 'utf8').trim().split('\n');
    for (const line of sums) {
      const [, file = '', sum] = /^SHA256\((.+)\)= ([0-9a-f]{64})$/.exec(line) ?? [];
      expect(
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex'),
      ).toBe(sum);
    }
    expect(sums).toHaveLength(2);
    expect(readOvf(readFileSync(join(folder, 'Bu-ro-1-co.ovf'), 'utf8'))).toMatchObject({ name });
    expect(operation.result?.notes).toContainEqual(expect.stringContaining('no virtio'));
    expect((await bench.call('GET', '/downloads')).body.items[0].notes).toEqual(operation.result?.notes);
    // Nothing but the archive is kept.
    const made = join(bench.dataDir, 'outgoing', String(operation.result?.downloadId));
    expect(readdirSync(made).sort()).toEqual(['about.json', 'data']);
  });

  it('is taken in again as the same VM by another Strata', async () => {
    const { archive } = await exported(await makeVm(), 'ova');
    const other = await startExportBench();
    try {
      const answer = await other.call('POST', '/images/unpack', { path: archive });
      const { state, result, error } = await other.operation(answer);
      expect([state, error]).toEqual(['done', undefined]);
      const { body } = await other.call('GET', `/vms/${result?.vmId}`);
      expect(body).toMatchObject({ cpus: 2, memory: 128 * 1024 ** 2 });
      expect(body.nics).toHaveLength(1);
      const disk = other.strata.services.library.images.facts(body.disks[0].imageId);
      expect(await imagesAreEqual(disk, bench.top)).toBe(true);
    } finally {
      await other.stop();
    }
  });
});

describe('a VM for libvirt and for KubeVirt', () => {
  it('is a domain that says what the VM is, beside its disks', async () => {
    const vm = await makeVm({ nics: [{ mode: 'isolated', network: 'lab' }] });
    const { archive, operation } = await exported(vm, 'libvirt');
    const { folder, names } = await unpacked(archive);
    expect(names).toEqual(['Bu-ro-1-co.xml', 'Bu-ro-1-co-disk1.qcow2']);
    const disk = { path: join(folder, 'Bu-ro-1-co-disk1.qcow2'), format: 'qcow2' as const };
    expect(await imagesAreEqual(disk, bench.top)).toBe(true);
    const text = readFileSync(join(folder, 'Bu-ro-1-co.xml'), 'utf8');
    expect(() => readXml(text)).not.toThrow();
    for (const part of [
      `<uuid>${vm.uuid}</uuid>`,
      `<memory unit='b'>${128 * 1024 ** 2}</memory>`,
      `machine='${vm.machine}'`,
      `<source file='/var/lib/libvirt/images/Bu-ro-1-co-disk1.qcow2'/>`,
      `<mac address='${vm.nics[0]?.mac}'/>`,
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('<"1">');
    expect(operation.result?.notes).toContainEqual(expect.stringContaining('Isolated networks'));
  });

  it('is a manifest with the commands that upload its disks', async () => {
    const { archive } = await exported(await makeVm({ firmware: 'bios' }), 'kubevirt');
    const { folder, names } = await unpacked(archive);
    expect(names).toEqual(['Bu-ro-1-co.yaml', 'Bu-ro-1-co-disk1.qcow2']);
    const disk = { path: join(folder, 'Bu-ro-1-co-disk1.qcow2'), format: 'qcow2' as const };
    expect(await imagesAreEqual(disk, bench.top)).toBe(true);
    const text = readFileSync(join(folder, 'Bu-ro-1-co.yaml'), 'utf8');
    expect(text).toContain(
      '# virtctl image-upload pvc bu-ro-1-co-disk1 --size=1Gi --image-path=Bu-ro-1-co-disk1.qcow2',
    );
    expect(text).toContain('kind: "VirtualMachine"');
    expect(text).toContain(`description: ${JSON.stringify(name)}`);
    expect(text).toContain('guest: "128Mi"');
  });
});

describe('a VM that cannot be exported as it is', () => {
  it('is refused while it runs, without a disk, and in an unknown form', async () => {
    const vm = await makeVm({ nics: [] });
    const ask = async (id: string, form: string) => {
      const { status, body } = await bench.call('POST', `/vms/${id}/export`, { form });
      return [status, body.code];
    };
    expect(await ask(vm.id, 'vagrant')).toEqual([400, 'invalid-request']);
    await bench.call('POST', `/vms/${vm.id}/start`);
    expect(await ask(vm.id, 'ova')).toEqual([409, 'vm-running']);
    const bare = await bench.call('POST', '/vms', { name: 'bare', disks: [] });
    expect(await ask(bare.body.id, 'ova')).toEqual([422, 'not-possible']);
    expect(existsSync(join(bench.dataDir, 'outgoing'))).toBe(false);
  });

  it('is made to the end by the next server, when this one ends in the middle', async () => {
    const { id } = await makeVm();
    const answer = await bench.call('POST', `/vms/${id}/export`, { form: 'libvirt' });
    await bench.restart();
    const { state, result } = await bench.operation(answer);
    expect(state).toBe('done');
    expect((await bench.call('GET', '/downloads')).body.items).toMatchObject([{ id: result?.downloadId }]);
  });
});

describe('an entry of an archive', () => {
  it('says sizes that eight octal digits of gigabytes cannot hold', () => {
    const large = tarHeader('disk', 9 * 1024 ** 3);
    expect(large.readUInt8(124)).toBe(0x80);
    expect(large.readBigUInt64BE(128)).toBe(9n * 1024n ** 3n);
    expect(tarHeader('disk', 5).toString('latin1', 124, 136)).toBe('00000000005\0');
  });
});

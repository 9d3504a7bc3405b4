import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageExport, Vm } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ExportBench, startExportBench, tool } from './testing/export-bench.ts';

/** Two Stratas: one has the disk, the other the VM. */
let there: ExportBench;
let here: ExportBench;
/** The active layer of a guest that adds one to a counter in the second sector of its disk at each boot. */
let counting: { id: string; path: string };
beforeEach(async () => {
  [there, here] = [await startExportBench(), await startExportBench()];
  const { body } = await there.call('POST', '/vms/demo', {});
  const { images } = there.strata.services.library;
  counting = images.get((body as Vm).disks[0]?.imageId ?? '');
});
afterEach(async () => {
  await here.stop();
  await there.stop();
});

const exported = async (wish: object): Promise<ImageExport> => {
  const { body } = await there.call('POST', '/exports', { imageId: counting.id, ...wish });
  expect(body, JSON.stringify(body)).toMatchObject({ id: expect.any(String) });
  return body as ImageExport;
};
const vmOn = async (nbdDisks: object[], name = 'guest'): Promise<Vm> => {
  const { body } = await here.call('POST', '/vms', { name, memory: '64M', nics: [], nbdDisks });
  expect(body, JSON.stringify(body)).toMatchObject({ id: expect.any(String) });
  return body as Vm;
};
const serialOf = ({ id }: Vm): string => readFileSync(join(here.dataDir, 'vms', id, 'serial0.log'), 'latin1');
/** It says the number once it has been written. */
const counted = /Boots counted on this disk: \d/;
const counter = async (): Promise<string> =>
  (await tool('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -v 512 8', counting.path])).stdout
    .split('\n')
    .filter((line) => line.startsWith('00000200'))
    .join();

describe('a VM whose disk is an export of another Strata', () => {
  it('boots from it over TLS, writes it, and finds there what it has written', async () => {
    const before = await counter();
    const { uri, credentials, id } = await exported({ transport: 'tcp', tls: true, writable: true });
    const guest = await vmOn([{ uri, credentials, readOnly: false }]);
    expect(guest.nbdDisks).toEqual([{ uri, credentials, readOnly: false, bus: 'virtio' }]);
    expect((await here.call('POST', `/vms/${guest.id}/start`)).body.state).toBe('running');
    await vi.waitFor(() => expect(serialOf(guest)).toMatch(counted), { timeout: 60_000 });
    await here.call('POST', `/vms/${guest.id}/poweroff`);
    await there.call('DELETE', `/exports/${id}`);
    expect(await counter()).not.toBe(before);
  });

  it('boots from it over a socket, and two VMs never write one such disk', async () => {
    const { uri } = await exported({ writable: true });
    const [one, other] = [
      await vmOn([{ uri, readOnly: false, bus: 'scsi' }]),
      await vmOn([{ uri }], 'second'),
    ];
    await here.call('POST', `/vms/${one.id}/start`);
    await vi.waitFor(() => expect(serialOf(one)).toMatch(counted), { timeout: 60_000 });
    const refused = await here.call('POST', `/vms/${other.id}/start`);
    expect([refused.status, refused.body.code]).toEqual([409, 'image-in-use']);
    expect(refused.body.detail).toContain('“guest”');
  });

  it('says that nobody answers there, and refuses addresses and keys that do not fit', async () => {
    const gone = await vmOn([{ uri: 'nbd+unix:///disk?socket=%2Fnowhere%2Fs' }]);
    const refused = await here.call('POST', `/vms/${gone.id}/start`);
    expect([refused.status, refused.body.code]).toEqual([422, 'qemu-refused']);
    expect(JSON.stringify(refused.body)).toContain('/nowhere/s');
    for (const disk of [
      { uri: 'http://127.0.0.1/x' },
      { uri: 'nbds://127.0.0.1/x' },
      { uri: 'nbd://127.0.0.1/x', credentials: '/keys' },
    ])
      expect((await here.call('PATCH', `/vms/${gone.id}`, { nbdDisks: [disk] })).status, disk.uri).toBe(400);
    const emptied = await here.call('PATCH', `/vms/${gone.id}`, { nbdDisks: [] });
    expect(emptied.body.nbdDisks).toBeUndefined();
  });
});

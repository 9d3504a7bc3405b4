import type { Vm } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startVmServer, type VmServer } from '../../testing/vm-server.ts';

let strata: VmServer;
beforeAll(async () => {
  strata = await startVmServer();
});
afterAll(() => strata.stop());

const mebi = 1024 ** 2;

describe.each(['qcow2', 'raw'] as const)('the map of a %s disk that a VM is writing', (format) => {
  test('has what was written a moment ago, while QEMU may still hold its tables in memory', async () => {
    const disks = [{ create: { format, size: '64M' } }];
    const made = await strata.server.request('POST', '/vms', {
      name: format,
      memory: '64M',
      nics: [],
      disks,
    });
    const {
      id,
      disks: [disk],
    } = made.body as Vm;
    const imageId = disk?.imageId ?? '';
    expect((await strata.server.request('POST', `/vms/${id}/start`, {})).status).toBe(200);
    const live = strata.vms.live(id);
    const mapped = async () => (await strata.server.request('GET', `/images/${imageId}/map`)).body;
    const before = (await mapped()).layers[0].visibleBytes;
    for (const at of [8, 40]) {
      const line = `qemu-io -d ${live?.qdevOf(disk?.id ?? '')} "write -P 7 ${at}M 2M"`;
      const said = await live?.qmp.execute('human-monitor-command', { 'command-line': line });
      expect(said).not.toMatch(/error|failed/i);
      const map = await mapped();
      expect(map.approximate).toBe(false);
      expect(map.layers[0].visible).toContainEqual([at * mebi, 2 * mebi]);
    }
    expect((await mapped()).layers[0].visibleBytes).toBe(before + 4 * mebi);
  });
});

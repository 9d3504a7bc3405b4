import type { QmpClient } from '@strata/qmp';
import type { LiveVm } from '../features/vms/vms.types.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { chainOfDevice, deviceOf, layerAt, slow } from './block-graph.ts';
import { inWords } from './qemu-errors.ts';

/** The engine of a running VM's disk: its own QEMU, over the tools socket. */
export function liveEngine(vm: LiveVm, diskId: string): BlockEngine {
  const qdev = vm.qdevOf(diskId);
  const chain = () => inWords('Reading the chain of the disk', () => chainOfDevice(vm, qdev));
  const nodeOf = async (path: string) => (await layerAt(await chain(), path)).node;
  return {
    live: true,
    qmp: vm.qmp,
    daemon: null,
    exited: vm.exited,
    chain,
    nodeOf,
    topNode: () =>
      inWords('Reading the disk', async () => (await deviceOf(vm.qmp, qdev)).inserted?.['node-name'] ?? ''),
    flush: (path) => inWords(`Flushing ${path}`, async () => flushNode(vm.qmp, await nodeOf(path))),
    close: () => Promise.resolve(),
  };
}

/** The monitor answers a good `qemu-io … flush` with nothing, and errors as text in a successful reply. */
async function flushNode(qmp: QmpClient, node: string): Promise<void> {
  const reply = await qmp.execute('human-monitor-command', { 'command-line': `qemu-io ${node} flush` }, slow);
  if (reply.trim() !== '') await flushByStopping(qmp);
}

/** `stop` flushes every drive, of a VM that is stopped already too. */
async function flushByStopping(qmp: QmpClient): Promise<void> {
  const { running } = await qmp.execute('query-status');
  await qmp.execute('stop', undefined, slow);
  if (running) await qmp.execute('cont');
}

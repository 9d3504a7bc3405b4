import type { BlockDeviceInfo, BlockStats } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { LiveVm } from '../features/vms/vms.types.ts';
import { activeFile, deviceOf } from './block-graph.ts';

/** The layer that a disk writes, as far as a snapshot has to know it. */
export interface WrittenLayer {
  readonly node: string;
  /** Its real path. */
  readonly file: string;
  readonly driver: string;
  /** Null: QEMU was not asked. */
  readonly virtualSize: number | null;
  readonly cache: Pick<BlockDeviceInfo['cache'], 'direct' | 'no-flush'>;
  readonly detectZeroes: BlockDeviceInfo['detect_zeroes'];
}

/** By the name of its node, which is given once: what this server has opened and a disk has switched to. */
const remembered = new Map<string, Omit<WrittenLayer, 'virtualSize'>>();

const statsOf = async (vm: LiveVm): Promise<readonly BlockStats[]> => vm.qmp.execute('query-blockstats');

const topIn = (stats: readonly BlockStats[], qdev: string): string | undefined =>
  stats.find((entry) => entry.qdev === qdev)?.['node-name'];

const ask = async (vm: LiveVm, diskId: string): Promise<WrittenLayer> => {
  const { inserted } = await deviceOf(vm.qmp, vm.qdevOf(diskId));
  if (!inserted) throw new AppError('internal-error', `Disk ${diskId} has no medium.`);
  return {
    node: inserted['node-name'] ?? '',
    file: await activeFile(vm, inserted),
    driver: inserted.drv,
    virtualSize: inserted.image['virtual-size'],
    cache: { direct: inserted.cache.direct, 'no-flush': inserted.cache['no-flush'] },
    detectZeroes: inserted.detect_zeroes,
  };
};

/**
 * What these disks write. QEMU describes each layer with all below it, which takes as long as the chain is long, squared, and
 * its guest waits meanwhile: of a layer that was put there by this server only the name is asked for.
 */
export const writtenLayers = async (vm: LiveVm, diskIds: readonly string[]): Promise<WrittenLayer[]> => {
  const stats = await statsOf(vm);
  return Promise.all(
    diskIds.map((diskId) => {
      const known = remembered.get(topIn(stats, vm.qdevOf(diskId)) ?? '');
      return known === undefined ? ask(vm, diskId) : { ...known, virtualSize: null };
    }),
  );
};

/** Whether each disk writes the layer with this node. */
export const areWritten = async (
  vm: LiveVm,
  layers: readonly { readonly diskId: string; readonly node: string }[],
): Promise<boolean> => {
  const stats = await statsOf(vm);
  for (const { diskId, node } of layers) {
    const qdev = vm.qdevOf(diskId);
    // A job may stand between the disk and its layer: QEMU looks through it when it describes the disk.
    if (topIn(stats, qdev) !== node && (await deviceOf(vm.qmp, qdev)).inserted?.['node-name'] !== node)
      return false;
  }
  return true;
};

/** The disks write these from now on, and `before` no longer. */
export const rememberWritten = (
  vm: LiveVm,
  layers: readonly WrittenLayer[],
  before: readonly WrittenLayer[],
): void => {
  for (const { node } of before) remembered.delete(node);
  for (const layer of layers) {
    const { virtualSize: _, ...known } = layer;
    remembered.set(layer.node, known);
    void vm.exited.then(() => remembered.delete(layer.node));
  }
};

import { realpath } from 'node:fs/promises';
import { normalize } from 'node:path';
import type { BlockDeviceInfo, BlockInfo, BlockStats, ImageInfo, QmpClient } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { OpenLayer } from './block-engine.types.ts';
import { writtenOn } from './open-files.ts';

/** Drivers that make a layer of a file. The others (protocols, and filters of jobs) show the same file name. */
const formatDrivers = new Set(['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc', 'qcow', 'qed']);

/**
 * For commands that flush, or wait until nothing is in flight: a slow disk with much to write takes minutes. A time-out is not
 * a failure, but all one can do with it is to ask again.
 */
export const slow = { timeoutMs: 300_000 };

/** QEMU cuts names off after so many bytes, and `...` stands at their end. */
const longestName = 4095;

/**
 * The file behind a node's name. QEMU shows `json:{…}` for every node above one that was opened otherwise than its header
 * says: after a snapshot or a merge in this process (qemu-recipes.md §0). It holds all layers below, so after some dozens
 * of snapshots it is cut off, and says nothing: null.
 */
export function fileOf(name: string): string | null {
  if (!name.startsWith('json:')) return name;
  if (Buffer.byteLength(name) >= longestName && name.endsWith('...')) return null;
  const options: unknown = JSON.parse(name.slice('json:'.length));
  return fileNameIn(options) ?? name;
}

function fileNameIn(options: unknown): string | null {
  if (typeof options !== 'object' || options === null) return null;
  if ('filename' in options && typeof options.filename === 'string') return options.filename;
  if ('file' in options) return fileNameIn(options.file);
  // blkdebug and its kind.
  return 'image' in options ? fileNameIn(options.image) : null;
}

/** `/x/snaps/../base.qcow2` occurs; a file that was unlinked under QEMU keeps the name it had. */
export const realPathOf = (path: string): Promise<string> => realpath(path).catch(() => normalize(path));

/** `above`: what stands on it; its header's link is never cut off. `top`: of the file that nothing stands on. */
async function toLayer(
  node: string,
  image: ImageInfo,
  above: ImageInfo | undefined,
  top: (below: string) => Promise<string>,
): Promise<OpenLayer> {
  const path =
    fileOf(image.filename) ??
    (above === undefined
      ? await top(image['full-backing-filename'] ?? '')
      : (above['full-backing-filename'] ?? ''));
  return { node, path: await realPathOf(path), format: image.format };
}

const unnamed = (below: string): Promise<string> =>
  Promise.reject(
    new AppError('qemu-unresponsive', `The name of the layer on ${below} is too long to be told.`),
  );

/** A QEMU that runs a VM, and its process. */
interface OpenVm {
  readonly qmp: QmpClient;
  readonly pid: number;
}

function imagesFrom(top: ImageInfo): ImageInfo[] {
  const images: ImageInfo[] = [];
  for (let image: ImageInfo | undefined = top; image; image = image['backing-image']) images.push(image);
  return images;
}

function nodesFrom(top: BlockStats): string[] {
  const nodes: string[] = [];
  for (let stats: BlockStats | undefined = top; stats; stats = stats.backing)
    nodes.push(stats['node-name'] ?? '');
  return nodes;
}

export async function deviceOf(qmp: QmpClient, qdev: string): Promise<BlockInfo> {
  const device = (await qmp.execute('query-block')).find((info) => info.qdev === qdev);
  if (!device) throw new AppError('internal-error', `The VM has no block device ${qdev}.`);
  return device;
}

/** The layer that a disk writes, however it is called. */
export async function activeFile(vm: OpenVm, { file, image }: BlockDeviceInfo): Promise<string> {
  const below = image['full-backing-filename'] ?? '';
  return realPathOf(fileOf(file) ?? (await writtenOn(vm.pid, below)));
}

/**
 * The chain below a device of a VM: file names by `query-block`, node-names by `query-blockstats`; both walk the same way down.
 * A list of all nodes would not tell which of two nodes for one shared base belongs to this disk, and asking for it
 * crashes QEMU 7.2 while a stream job is concluded and not dismissed.
 */
export async function chainOfDevice(vm: OpenVm, qdev: string): Promise<OpenLayer[]> {
  const { qmp } = vm;
  for (let attempt = 0; attempt < 5; attempt++) {
    const { inserted } = await deviceOf(qmp, qdev);
    const stats = (await qmp.execute('query-blockstats')).find((entry) => entry.qdev === qdev);
    if (!inserted || !stats) throw new AppError('internal-error', `There is no medium in ${qdev}.`);
    const images = imagesFrom(inserted.image);
    const nodes = nodesFrom(stats);
    // Different lengths or another top: a job changed the chain between the two questions.
    if (images.length === nodes.length && inserted['node-name'] === nodes[0])
      return Promise.all(
        images.map((image, depth) =>
          toLayer(nodes[depth] ?? '', image, images[depth - 1], (below) => writtenOn(vm.pid, below)),
        ),
      );
  }
  throw new AppError('qemu-unresponsive', 'The chain of the disk keeps changing; try again.');
}

/**
 * All nodes of a storage daemon, when asking is safe (see the note at `query-named-block-nodes`). Not for a VM, where the stream
 * of another disk may conclude between the two questions.
 */
async function nodesOfDaemon(qmp: QmpClient): Promise<readonly BlockDeviceInfo[]> {
  const jobs = await qmp.execute('query-jobs');
  const stream = jobs.find(({ type, status }) => type === 'stream' && status === 'concluded');
  if (stream)
    throw new AppError('internal-error', `Job ${stream.id} is to be dismissed before nodes are listed.`);
  return qmp.execute('query-named-block-nodes');
}

/** The chain below a named node of a storage daemon, which has no devices. It holds one chain, so files are unique. */
export async function chainOfNode(qmp: QmpClient, top: string): Promise<OpenLayer[]> {
  const nodes = await nodesOfDaemon(qmp);
  const byFile = new Map<string, string>();
  for (const node of nodes) {
    if (formatDrivers.has(node.drv))
      byFile.set(await realPathOf(fileOf(node.image.filename) ?? ''), node['node-name'] ?? '');
  }
  const topNode = nodes.find((node) => node['node-name'] === top);
  if (!topNode) throw new AppError('internal-error', `The storage daemon has no node ${top}.`);
  const images = imagesFrom(topNode.image);
  const layers = await Promise.all(
    images.map((image, depth) => toLayer('', image, images[depth - 1], unnamed)),
  );
  return layers.map((layer) => ({ ...layer, node: byFile.get(layer.path) ?? '' }));
}

/** The layer at this path; `plan-stale` when the process has another chain open. */
export async function layerAt(chain: readonly OpenLayer[], path: string): Promise<OpenLayer> {
  const real = await realPathOf(path);
  const layer = chain.find((candidate) => candidate.path === real);
  if (!layer) throw new AppError('plan-stale', `${path} is not a layer of the chain that is open now.`);
  return layer;
}

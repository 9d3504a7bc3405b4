import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlockDevice, HostRoots } from './block-devices.ts';
import type { DeviceTree } from './device-tree.ts';

/** What the host, and Strata, use a device for. */
export interface DeviceUse {
  readonly kind: 'mounted' | 'swap' | 'held' | 'system' | 'strata' | 'loop';
  /** A mounted file system that nobody can write does not change while it is read. */
  readonly readOnly: boolean;
  readonly words: string;
}

export interface WatchedPaths {
  /** Where Strata keeps everything, and the folders of its library. */
  readonly strata: readonly string[];
}

const systemPaths = ['/', '/boot', '/boot/efi', '/home', '/usr', '/var'];

const ownOf = ({ identity, partitions }: BlockDevice): string[] => [
  identity.majorMinor,
  ...partitions.map(({ majorMinor }) => majorMinor),
];

const holderWords = async (holder: string, { sys }: HostRoots): Promise<string> => {
  const uuid = await readFile(join(sys, 'block', holder, 'dm/uuid'), 'utf8').catch(() => '');
  if (uuid.startsWith('LVM-')) return `part of a volume group of LVM (${holder})`;
  if (uuid.startsWith('CRYPT-')) return `opened as an encrypted disk (${holder})`;
  if (holder.startsWith('md')) return `part of a RAID (${holder})`;
  return `part of ${holder}`;
};

const carries = (own: readonly string[], carriers: ReadonlySet<string>): boolean =>
  own.some((each) => carriers.has(each));

const mountsOf = async (own: readonly string[], tree: DeviceTree): Promise<DeviceUse[]> => {
  const uses: DeviceUse[] = [];
  for (const { devices, point, readOnly } of tree.mounts) {
    const below = await Promise.all(devices.map((device) => tree.below(device, false)));
    if (!below.some((carriers) => carries(own, carriers))) continue;
    uses.push({ kind: 'mounted', readOnly, words: `mounted at ${point}${readOnly ? ', read-only' : ''}` });
  }
  return uses.filter(({ words }, index) => uses.findIndex((use) => use.words === words) === index);
};

const pathUses = async (
  kind: 'system' | 'strata',
  paths: readonly string[],
  own: readonly string[],
  tree: DeviceTree,
): Promise<DeviceUse[]> => {
  const found: string[] = [];
  for (const path of paths) if (carries(own, await tree.carriersOf(path))) found.push(path);
  const what = kind === 'system' ? 'the system of this machine' : 'what Strata keeps';
  return found.length === 0
    ? []
    : [{ kind, readOnly: false, words: `holds ${what} (${[...new Set(found)].join(', ')})` }];
};

const swapUses = async (own: readonly string[], tree: DeviceTree): Promise<DeviceUse[]> => {
  const below = await Promise.all(tree.swaps.map((device) => tree.below(device, false)));
  const isSwap = below.some((carriers) => carries(own, carriers));
  return isSwap ? [{ kind: 'swap', readOnly: false, words: 'used as swap' }] : [];
};

/** Another loop device that shows it: whoever writes there writes here. */
const loopUses = async (
  device: BlockDevice,
  all: readonly BlockDevice[],
  tree: DeviceTree,
): Promise<DeviceUse[]> => {
  const uses: DeviceUse[] = [];
  for (const { name, file, identity } of all) {
    if (name === device.name || file === null || !file.startsWith('/dev/')) continue;
    if (carries(ownOf(device), await tree.below(identity.majorMinor, true)))
      uses.push({ kind: 'loop', readOnly: false, words: `shown by the loop device ${name}` });
  }
  return uses;
};

export const usesOf = async (
  device: BlockDevice,
  all: readonly BlockDevice[],
  tree: DeviceTree,
  { strata }: WatchedPaths,
  roots: HostRoots,
): Promise<DeviceUse[]> => {
  const own = ownOf(device);
  const held = await Promise.all(device.holders.map((holder) => holderWords(holder, roots)));
  return [
    ...(await pathUses('system', systemPaths, own, tree)),
    ...(await pathUses('strata', strata, own, tree)),
    ...(await mountsOf(own, tree)),
    ...(await swapUses(own, tree)),
    ...held.map((words): DeviceUse => ({ kind: 'held', readOnly: false, words })),
    ...(await loopUses(device, all, tree)),
  ];
};

import type { FreeableKind, OtherUse, Usage } from '@strata/contract';
import { formatBytes, formatCount } from '../lib/format.ts';

export const usage = {
  title: 'Space',
  total: (bytes: number) => `${formatBytes(bytes)} in all`,
  disks: {
    title: 'Disks',
    unmounted: 'a disk',
    strata: (bytes: number) => `Strata has ${formatBytes(bytes)} there`,
    promised: (bytes: number) => `its images may still grow by ${formatBytes(bytes)}`,
    overpromised:
      'That is more than is free: if the guests fill their disks, they stand still until there is space.',
    shares: 'Copies may share blocks on this disk: what is deleted may free less than it takes.',
    hardLinked: (count: number) =>
      `${formatCount(count, 'image has', 'images have')} other names (hard links): each file is counted once, and deleting one name frees nothing.`,
  },
  folders: {
    states: { ok: '', missing: 'not there', unreadable: 'cannot be read' } satisfies Record<
      Usage['folders'][number]['state'],
      string
    >,
    default: 'default',
    alone: 'Images registered alone, in no folder of the library',
    facts: (images: number, bytes: number) =>
      `${formatCount(images, 'image', 'images')}, ${formatBytes(bytes)}`,
  },
  freeable: {
    title: 'What could be freed',
    certain: (bytes: number) => `${formatBytes(bytes)} are needed by nothing`,
    nothing: 'There is nothing to be freed: the trash is empty, and every image is used.',
    upTo: (bytes: number) => `up to ${formatBytes(bytes)}`,
    costs: (bytes: number) => `takes up to ${formatBytes(bytes)} more`,
    lost: 'Lost with it:',
    more: (count: number) => `${formatCount(count, 'more', 'more')}`,
    sum: (count: number, bytes: number) =>
      bytes === 0
        ? formatCount(count, 'entry', 'entries')
        : `${formatCount(count, 'entry', 'entries')}, ${formatBytes(bytes)}`,
    kinds: {
      trash: 'Trash',
      upload: 'Unfinished uploads',
      download: 'Files made to be downloaded',
      orphan: 'Overlays that nothing uses',
      unused: 'Images that nothing uses',
      memory: 'Saved memory of suspended VMs',
      compact: 'Compaction',
      leaks: 'Lost clusters',
      snapshots: 'Snapshots',
      merge: 'Layers that could be merged',
      flatten: 'Flattening: a price, not a gain',
    } satisfies Record<FreeableKind, string>,
    go: {
      trash: 'Open the trash',
      library: 'Open the library',
      image: 'Open the image',
      layers: 'Open the layers',
      snapshots: 'Open the snapshots',
      vm: 'Open the VM',
    },
    measure: {
      text: (count: number) =>
        `What compacting gives back is not known of ${formatCount(count, 'image', 'images')}: their data has to be looked through.`,
      button: 'Measure',
    },
    remove: 'Remove',
    of: (action: string, name: string) => `${action}: ${name}`,
  },
  by: {
    title: 'What takes it',
    label: 'Arranged',
    vm: 'By VM',
    tree: 'By tree',
    other: 'Other',
    vms: {
      empty: 'There is no VM.',
      name: 'VM',
      disks: 'Disks',
      snapshots: 'Snapshots',
      memory: 'Memory',
      rest: 'Firmware and logs',
      own: 'Its own',
      shared: 'Shared',
      sharedWith: (names: readonly string[]) => `with ${names.join(', ')}`,
      note: (bytes: number) =>
        `Shared layers take ${formatBytes(bytes)} together; they are shown with every VM that needs them.`,
    },
    trees: {
      empty: 'There are no images.',
      name: 'Base',
      images: 'Images',
      base: 'Base alone',
      bytes: 'All of it',
      vms: 'VMs',
      nobody: 'none',
    },
    others: {
      name: 'What',
      files: 'Files',
      bytes: 'Takes',
      kinds: {
        trash: 'Trash',
        uploads: 'Uploads that are not in the library yet',
        downloads: 'Files made to be downloaded',
        making: 'What images are being made of',
        database: 'Strata’s database and its copies',
      } satisfies Record<OtherUse['kind'], string>,
    },
    more: (count: number) => `Show ${formatCount(count, 'more', 'more')}`,
  },
};

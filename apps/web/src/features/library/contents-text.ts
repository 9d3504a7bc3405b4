import type { DiskContents, FileSystem, FilledPartition } from '@strata/contract';
import { words } from '../../lib/words.ts';

const { contents } = words;

export const kindName = (kind: string): string => contents.kinds[kind] ?? kind;

/** `ext4 “rootfs”`; with what else is known of it. */
export const fileSystemWords = ({ kind, label, notes }: FileSystem): string =>
  [[kindName(kind), ...(label === null ? [] : [contents.label(label)])].join(' '), ...notes].join(', ');

export const holdsWords = ({ kind, content }: FilledPartition): string => {
  if (content !== null) return fileSystemWords(content);
  return kind === 'extended' ? words.library.none : contents.unknown;
};

export const typeWords = ({ name, type, typeName, bootable }: FilledPartition): string =>
  [
    typeName ?? type,
    ...(name === null ? [] : [contents.label(name)]),
    ...(bootable ? [contents.active] : []),
  ].join(', ');

export const diskWords = ({ scheme, sectorSize, whole, items, blank }: DiskContents): string => {
  const table = items.length === 0 ? [] : [contents.table[scheme], contents.sectors(sectorSize)];
  if (whole !== null) return [fileSystemWords(whole), ...table].join(', ');
  if (table.length > 0) return table.join(', ');
  return blank ? contents.blank : contents.nothingKnown;
};

/** To be pasted into a note or a shell: a line a partition, its columns apart by tabs, sizes and offsets in bytes. */
export const partitionsAsText = ({ items }: Pick<DiskContents, 'items'>): string => {
  const { number, offset, size, fileSystem, type } = contents.columns;
  const rows = items.map((item) => [
    ...[item.number, item.offset, item.size].map(String),
    ...[holdsWords(item), item.content?.uuid ?? '', typeWords(item)],
  ]);
  return [[number, offset, size, fileSystem, 'UUID', type], ...rows].map((row) => row.join('\t')).join('\n');
};

import type { FileSystem } from './file-systems.types.ts';
import { type Region, sizeOf } from './region.ts';

const superblock = 1024;
/** What ext3 may have; anything more is ext4. */
const ext3 = { incompatible: 0x2 | 0x4 | 0x8 | 0x10, readOnly: 0x1 | 0x2 | 0x4 };
const withJournal = 0x4;
const with64Bits = 0x80;

export const ext = ({ head }: Region): FileSystem | null => {
  const at = (field: number): number => superblock + field;
  const logBlock = head.u32(at(24));
  if (head.u16(at(56)) !== 0xef53 || logBlock > 6) return null;
  const incompatible = head.u32(at(96));
  const isExt4 = (incompatible & ~ext3.incompatible) !== 0 || (head.u32(at(100)) & ~ext3.readOnly) !== 0;
  const hasJournal = (head.u32(at(92)) & withJournal) !== 0;
  const high = (incompatible & with64Bits) === 0 ? 0 : head.u32(at(336));
  const mounted = head.text(at(136), 64);
  return {
    kind: isExt4 ? 'ext4' : hasJournal ? 'ext3' : 'ext2',
    label: head.text(at(120), 16),
    uuid: head.uuid(at(104)),
    size: sizeOf(high * 2 ** 32 + head.u32(at(4)), 1024 << logBlock),
    notes: mounted === null ? [] : [`last mounted at ${mounted}`],
  };
};

export const xfs = ({ head }: Region): FileSystem | null =>
  head.has(0, 'XFSB')
    ? {
        kind: 'xfs',
        label: head.text(108, 12),
        uuid: head.uuid(32),
        size: sizeOf(head.u64be(8), head.u32be(4)),
        notes: [],
      }
    : null;

const btrfsSuperblock = 64 * 1024;

export const btrfs = ({ head }: Region): FileSystem | null =>
  head.has(btrfsSuperblock + 64, '_BHRfS_M')
    ? {
        kind: 'btrfs',
        label: head.text(btrfsSuperblock + 299, 256),
        uuid: head.uuid(btrfsSuperblock + 32),
        size: sizeOf(head.u64(btrfsSuperblock + 112), 1),
        notes: [],
      }
    : null;

export const f2fs = ({ head }: Region): FileSystem | null => {
  const logBlock = head.u32(superblock + 16);
  if (head.u32(superblock) !== 0xf2f52010 || logBlock > 16) return null;
  return {
    kind: 'f2fs',
    label: head.wide(superblock + 124, 512),
    uuid: head.uuid(superblock + 108),
    size: sizeOf(head.u64(superblock + 36), 2 ** logBlock),
    notes: [],
  };
};

export const squashfs = ({ head }: Region): FileSystem | null =>
  head.has(0, 'hsqs') && head.u16(28) === 4
    ? { kind: 'squashfs', label: null, uuid: null, size: sizeOf(head.u64(40), 1), notes: ['read-only'] }
    : null;

const pageSizes = [4096, 8192, 16_384, 32_768, 65_536] as const;

/** Its mark is the end of its first page, however large the pages of that machine are. */
export const swap = ({ head }: Region): FileSystem | null => {
  for (const page of pageSizes) {
    const mark = head.raw(page - 10, 10);
    const isHibernated = mark.startsWith('S1SUSPEND');
    if (mark !== 'SWAPSPACE2' && !isHibernated) continue;
    return {
      kind: 'swap',
      label: head.text(1052, 16),
      uuid: head.uuid(1036),
      size: sizeOf(head.u32(1028) + 1, page),
      notes: isHibernated ? ['holds the memory of a hibernated system'] : [],
    };
  }
  return null;
};

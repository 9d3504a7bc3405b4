import type { MakeDisk } from '@strata/contract';

export interface DiskLayout {
  /** Of the whole disk; of the file system in it. All in bytes. */
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  /** ext4: how many files and folders it has room for. */
  readonly inodes: number;
  /** FAT32: sectors that are given away together. */
  readonly clusterSectors: number;
}

interface Contents {
  readonly entries: number;
  readonly bytes: number;
}

type LayoutWish = Pick<MakeDisk, 'fileSystem' | 'table' | 'size' | 'free'>;

const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
const sector = 512;
const block = 4096;
/** Partitions begin and end at whole mebibytes, as every tool makes them. */
const edge = mebibyte;

const up = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;

const groupBytes = 128 * mebibyte;
const inodeBytes = 256;
const bytesAnInode = 16 * kibibyte;
/** With a few to spare, for what a guest adds. */
const inodesOf = (length: number, entries: number): number =>
  Math.max(Math.ceil(entries * 1.1) + 1024, Math.floor(length / bytesAnInode));

/** Groups that hold a copy of the tables: the first two, and the powers of 3, 5 and 7. */
const copies = (groups: number): number => {
  let count = Math.min(groups, 2);
  for (const base of [3, 5, 7]) for (let at = base; at < groups; at *= base) count += 1;
  return count;
};

/** As mke2fs chooses it. */
const journalBytes = (length: number): number => {
  const steps: ReadonlyArray<readonly [below: number, mebibytes: number]> = [
    [128 * mebibyte, 4],
    [gibibyte, 16],
    [2 * gibibyte, 32],
    [16 * gibibyte, 64],
    [32 * gibibyte, 128],
    [64 * gibibyte, 256],
    [128 * gibibyte, 512],
  ];
  return (steps.find(([below]) => length < below)?.[1] ?? 1024) * mebibyte;
};

const ext4Taken = (length: number, entries: number): number => {
  const groups = Math.ceil(length / groupBytes);
  // Bitmaps and descriptors of each group; room in each copy of the descriptors for a disk that grows.
  const tables = groups * (2 * block + 64) + copies(groups) * 4 * mebibyte;
  return tables + inodesOf(length, entries) * inodeBytes + journalBytes(length) + mebibyte;
};

const leastFat = 40 * mebibyte;
const fatClusterSectors = (length: number): number => {
  const steps: ReadonlyArray<readonly [upTo: number, sectors: number]> = [
    [260 * mebibyte, 1],
    [8 * gibibyte, 8],
    [16 * gibibyte, 16],
    [32 * gibibyte, 32],
  ];
  return steps.find(([upTo]) => length <= upTo)?.[1] ?? 64;
};
const fatTaken = (length: number): number =>
  2 * 4 * (length / (fatClusterSectors(length) * sector)) + 128 * kibibyte;

/** Each file ends in a piece that is not full; each name takes a place in its folder, and each folder a piece at least. */
const contentBytes = ({ entries, bytes }: Contents, piece: number): number =>
  bytes + entries * (piece + 800) + 16 * piece;

/** What a file system of this length has no room for, when the result is above it. */
const needed = (fileSystem: LayoutWish['fileSystem'], length: number, contents: Contents): number =>
  fileSystem === 'ext4'
    ? contentBytes(contents, block) + ext4Taken(length, contents.entries)
    : Math.max(leastFat, contentBytes(contents, fatClusterSectors(length) * sector) + fatTaken(length));

const lengthFor = (
  { fileSystem, free }: Pick<LayoutWish, 'fileSystem' | 'free'>,
  contents: Contents,
): number => {
  let length = 8 * mebibyte;
  // What it takes for itself grows with it, much more slowly than it.
  for (let want = 0; want !== length; ) {
    want = length;
    length = up(Math.max(length, needed(fileSystem, length, contents) + free), edge);
  }
  return length;
};

const before = ({ table }: LayoutWish): number => (table === 'none' ? 0 : edge);
const behind = ({ table }: LayoutWish): number => (table === 'gpt' ? edge : 0);

/** The smallest disk that surely has room for it all. */
export const leastDisk = (wish: LayoutWish, contents: Contents): number =>
  before(wish) + lengthFor({ ...wish, free: 0 }, contents) + behind(wish);

/** Where everything lies, fitted to its contents unless a size is wished for. */
export const diskLayout = (wish: LayoutWish, contents: Contents): DiskLayout => {
  const [offset, tail] = [before(wish), behind(wish)];
  const size = wish.size ?? offset + lengthFor(wish, contents) + tail;
  const length = Math.floor((size - offset - tail) / block) * block;
  const inodes = inodesOf(length, contents.entries);
  return { size, offset, length, inodes, clusterSectors: fatClusterSectors(length) };
};

/** What of the disk is really written: all the rest are holes. */
export const writtenBytes = (wish: LayoutWish, contents: Contents): number => {
  const { length } = diskLayout(wish, contents);
  return (
    contents.bytes +
    contents.entries * block +
    (wish.fileSystem === 'ext4' ? ext4Taken(length, contents.entries) : fatTaken(length)) +
    2 * edge
  );
};

import type { BigIntStats } from 'node:fs';
import type { ImageFormat } from '@strata/contract';
import type { HeaderSnapshot } from '@strata/disk-image';

/** Of what `lstat` tells, that which is looked at here: so much comes over from the thread that reads the disk. */
export type FileStat = Pick<
  BigIntStats,
  'dev' | 'ino' | 'nlink' | 'size' | 'mtimeNs' | 'ctimeNs' | 'birthtimeNs' | 'blocks'
>;

export const statOf = ({
  dev,
  ino,
  nlink,
  size,
  mtimeNs,
  ctimeNs,
  birthtimeNs,
  blocks,
}: FileStat): FileStat => ({
  dev,
  ino,
  nlink,
  size,
  mtimeNs,
  ctimeNs,
  birthtimeNs,
  blocks,
});

/** Who a file is on its disk, and in which state it was read: unchanged means nothing of it need be read again. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
  readonly size: number;
  readonly mtimeNs: string;
}

export interface FileFacts {
  readonly virtualSize: number;
  readonly allocatedSize: number;
  readonly backing: { readonly string: string; readonly format: string | null } | null;
  readonly snapshots: readonly HeaderSnapshot[];
  /** Why it must not be given to QEMU. */
  readonly flaws: readonly { readonly code: string; readonly message: string }[];
  /** Its format was settled earlier, and now it begins like something else: its guest may have written that. */
  readonly looksLike: string | null;
  readonly writable: boolean;
  /** When the file was made, in ns; tells a renamed file from a new one that got its inode. */
  readonly bornNs: string;
  /** When anything of it was last changed, its name, rights and times included (ctime), in ns: nobody can set it back. Left out by a former version. */
  readonly changedNs?: string;
  /** When this was read, in ms; a change within the same tick of the clock would go unnoticed. */
  readonly readAt: number;
}

/** An image as the library remembers it. The path is real: absolute, without links. */
export interface ImageRecord {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly format: ImageFormat;
  readonly formatFixed: boolean;
  readonly identity: FileIdentity;
  readonly present: boolean;
  readonly facts: FileFacts;
  readonly createdAt: string;
}

export const identityOf = (stat: FileStat): FileIdentity => ({
  device: stat.dev.toString(),
  inode: stat.ino.toString(),
  size: Number(stat.size),
  mtimeNs: stat.mtimeNs.toString(),
});

export const fileKey = ({ device, inode }: { device: string; inode: string }): string => `${device}:${inode}`;
export const statKey = (stat: FileStat): string => `${stat.dev}:${stat.ino}`;

/** File systems stamp times by the tick of the kernel: a write in the tick of our reading leaves the same mtime. */
const tickMilliseconds = 20;

const msOf = (ns: string): number => Number(BigInt(ns || 0) / 1_000_000n);

export const modifiedMs = ({ identity }: Pick<ImageRecord, 'identity'>): number => msOf(identity.mtimeNs);

/** So much later than it was changed that no change in the same tick can have followed. A copy has the times of long ago. */
export const wasReadLater = ({ identity, facts }: ImageRecord): boolean =>
  Math.max(modifiedMs({ identity }), msOf(facts.changedNs ?? '')) + tickMilliseconds < facts.readAt;

export const isUnchanged = (record: ImageRecord, stat: FileStat): boolean =>
  record.identity.device === stat.dev.toString() &&
  record.identity.inode === stat.ino.toString() &&
  record.identity.size === Number(stat.size) &&
  record.identity.mtimeNs === stat.mtimeNs.toString() &&
  record.facts.changedNs === stat.ctimeNs.toString() &&
  wasReadLater(record);

/** The same file, looked at under the name it had. File systems that do not tell the time of birth tell 0. */
export const isSameInode = (record: ImageRecord, stat: FileStat): boolean =>
  fileKey(record.identity) === statKey(stat) &&
  (stat.birthtimeNs === 0n || record.facts.bornNs === stat.birthtimeNs.toString());

/** The same file under another name: inodes are given out again, so without a time of birth nothing may differ. */
export const isSameFile = (record: ImageRecord, stat: FileStat): boolean =>
  isSameInode(record, stat) && (stat.birthtimeNs > 0n || record.identity.mtimeNs === stat.mtimeNs.toString());

export const allocatedOf = (stat: FileStat): number => Number(stat.blocks) * 512;

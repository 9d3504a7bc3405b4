import { basename } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { newId } from '../../new-id.ts';
import { lookAtFiles } from './disk-reader.ts';
import {
  type FileStat,
  fileKey,
  type ImageRecord,
  isSameInode,
  isUnchanged,
  wasReadLater,
} from './image-record.ts';
import { fileState, type Inspected, inspectFile } from './inspect-file.ts';
import { mapBounded } from './map-bounded.ts';

/** A file that was not written for so long when it was looked at is no download that has just begun. */
const restMilliseconds = 60_000;

const wasAtRest = ({ identity, facts }: ImageRecord): boolean =>
  facts.readAt - Number(BigInt(identity.mtimeNs) / 1_000_000n) > restMilliseconds;

/**
 * A raw disk begins with whatever its guest writes, so it stays raw for ever (security.md, IMG-05): once it was
 * made or registered as raw, or something has used it, or it has lain still as raw.
 */
const isSettled = (
  record: ImageRecord,
  stat: FileStat,
  isReferred: (record: ImageRecord) => boolean,
): boolean => {
  if (record.formatFixed) return true;
  const headerless = record.format === 'raw' || record.format === 'iso';
  return headerless && isSameInode(record, stat) && (wasAtRest(record) || isReferred(record));
};

/** Read again, it says the same, down to what the time of reading proves: there is nothing to write down. */
export const saysTheSame = (read: ImageRecord, record: ImageRecord): boolean => {
  const { readAt } = record.facts;
  return (
    JSON.stringify({ ...read, facts: { ...read.facts, readAt } }) === JSON.stringify(record) &&
    wasAtRest(read) === wasAtRest(record) &&
    wasReadLater(read) === wasReadLater(record)
  );
};

/** The record after its file was read again. */
export const updated = (
  record: ImageRecord,
  path: string,
  file: Inspected,
  isReferred: (record: ImageRecord) => boolean,
): ImageRecord => {
  const settled = isSettled(record, file.stat, isReferred);
  // A header that has vanished is a damaged image (or one just being written), and not a raw disk.
  const vanished = file.header.kind === 'raw' && isSameInode(record, file.stat);
  const state = fileState(file, settled || vanished ? record.format : null);
  if (state === null) return { ...record, present: false };
  const name = record.name === basename(record.path) ? basename(path) : record.name;
  const formatFixed = settled && (state.format === 'raw' || record.formatFixed);
  return { ...record, ...state, formatFixed, name, path, present: true };
};

/** Reads its file again; absent when that cannot be read. */
export const reread = async (
  record: ImageRecord,
  path: string,
  isReferred: (record: ImageRecord) => boolean,
): Promise<ImageRecord> => {
  const file = await inspectFile(path).catch(() => null);
  return file === null ? { ...record, present: false } : updated(record, path, file, isReferred);
};

/** The same file at the same place, on the same backing: neither it nor what stands on it leads elsewhere. */
export const leadsTheSame = (read: ImageRecord, before: ImageRecord | undefined): boolean =>
  before !== undefined &&
  read.present === before.present &&
  read.path === before.path &&
  fileKey(read.identity) === fileKey(before.identity) &&
  read.facts.backing?.string === before.facts.backing?.string;

/** Looks at the files of these records again; answers what they say now, in the same order. */
export type Look = (records: readonly ImageRecord[]) => Promise<ImageRecord[]>;

/** As a scan looks at it: the header is read again when the file says that it was written. */
export const glance = async (
  records: readonly ImageRecord[],
  isReferred: (record: ImageRecord) => boolean,
): Promise<ImageRecord[]> => {
  const stats = await lookAtFiles(records.map(({ path }) => path));
  return mapBounded([...records.entries()], 8, async ([at, record]) => {
    const stat = stats[at] ?? null;
    const isSame = record.present && stat !== null && isUnchanged(record, stat);
    return isSame ? record : reread(record, record.path, isReferred);
  });
};

export const newRecord = (
  path: string,
  file: Inspected,
  given: { name?: string; format?: ImageFormat; fixed?: boolean } = {},
): ImageRecord | null => {
  const state = fileState(file, given.format ?? null);
  if (state === null) return null;
  return {
    id: newId(),
    name: given.name ?? basename(path),
    path,
    ...state,
    formatFixed: given.fixed ?? false,
    present: true,
    createdAt: new Date().toISOString(),
  };
};

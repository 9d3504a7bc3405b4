import type { ChecksumAlgorithm, ImageChecksum } from '@strata/contract';
import type { FileIdentity, ImageRecord } from '../image-record.ts';

/** A file in one state: as long as all of it stays, nobody has written it. */
export interface HashedFile extends FileIdentity {
  readonly changedNs: string;
}

export interface RememberedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly at: string;
  /** Null: it has been compared with nothing. */
  readonly verified: boolean | null;
  readonly file: HashedFile;
}

const date = (ns: string): string => {
  const time = new Date(Number(BigInt(ns) / 1_000_000n));
  return Number.isNaN(time.getTime())
    ? 'since then'
    : `on ${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
};

type Known = Pick<ImageRecord, 'identity' | 'present'> & {
  readonly facts: Pick<ImageRecord['facts'], 'changedNs'>;
};

/** Why a checksum says nothing about the file of now; null: it still does. */
export const voidReason = (file: HashedFile, { identity, facts, present }: Known): string | null => {
  if (!present) return 'The file is gone.';
  // Device numbers are given anew at every mount; another file with all of this alike there is not.
  if (identity.inode !== file.inode)
    return 'Another file lies here now: it was replaced, or moved to another disk.';
  const size = (bytes: number): string => `${bytes.toLocaleString('en')} bytes`;
  if (identity.size !== file.size)
    return `The file was ${size(file.size)} long then, and is ${size(identity.size)} now.`;
  if (identity.mtimeNs !== file.mtimeNs)
    return `The file was written ${date(identity.mtimeNs)}. Starting a VM on it, or mounting it writable, does that.`;
  if (facts.changedNs !== file.changedNs)
    return `The file was renamed, linked, or given other rights or times ${date(facts.changedNs ?? '0')}; whether it was written as well cannot be told.`;
  return null;
};

/** The state that the file was in when it was read last; null while that is not known well enough. */
export const stateOfFile = ({ identity, facts, present }: Known): HashedFile | null =>
  present && facts.changedNs !== undefined ? { ...identity, changedNs: facts.changedNs } : null;

export const shownChecksum = (
  { algorithm, value, at, verified, file }: RememberedChecksum,
  record: Known,
): ImageChecksum => ({ algorithm, value, at, verified, void: voidReason(file, record) });

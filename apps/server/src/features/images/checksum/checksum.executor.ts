import { lstat } from 'node:fs/promises';
import type { ChecksumAlgorithm, ChecksumResult } from '@strata/contract';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import type { LibraryAccess } from '../library-access.ts';
import { type ExpectedSum, judge, type Verdict } from './expected-sums.ts';
import { type HashedAs, hashedFileOf, hashFile } from './hash-file.ts';
import type { HashedFile, RememberedChecksum } from './remembered-checksum.ts';

export interface ChecksumRun {
  readonly imageId: string;
  readonly algorithms: readonly ChecksumAlgorithm[];
  readonly expected: readonly ExpectedSum[];
  /** What lists may call the file. */
  readonly names: readonly string[];
}
/** It changes nothing but what Strata remembers, at its end: interrupted, it begins anew. */
type ChecksumJournal = Record<string, never>;
/** `at`: when it was computed. */
type Found = HashedAs & { readonly at: string };
type Context = OperationContext<ChecksumRun, ChecksumJournal>;

const isSame = (one: HashedFile, other: HashedFile): boolean => JSON.stringify(one) === JSON.stringify(other);

/** To compare, what was computed of this very state of the file need not be computed again. */
const known = async (
  access: LibraryAccess,
  { imageId, algorithms, expected }: ChecksumRun,
): Promise<Found | null> => {
  if (expected.length === 0) return null;
  const stat = await lstat(access.world.record(imageId).path, { bigint: true });
  const file = hashedFileOf(stat);
  const usable = access.memory
    .of(imageId)
    .checksums.filter((checksum) => algorithms.includes(checksum.algorithm) && isSame(checksum.file, file));
  const sums = new Map(usable.map(({ algorithm, value }) => [algorithm, value]));
  const at = usable[0]?.at;
  return at !== undefined && sums.size === algorithms.length ? { sums, file, at } : null;
};

const hashed = async (access: LibraryAccess, context: Context): Promise<Found> => {
  const found = await known(access, context.request);
  if (found !== null) return found;
  const { path, identity } = access.world.record(context.request.imageId);
  const watch = workWatch(context, (fraction) =>
    context.progress(Math.round(fraction * identity.size), identity.size),
  );
  try {
    return { ...(await hashFile(path, context.request.algorithms, watch)), at: new Date().toISOString() };
  } finally {
    context.controls(null);
  }
};

/** Computed again and found the same, a sum stays as well proven as it was. */
const remembered = (
  before: readonly RememberedChecksum[],
  { sums, file, at }: Found,
  verdict: Verdict | null,
): RememberedChecksum[] => {
  const computed = [...sums].map(([algorithm, value]): RememberedChecksum => {
    const earlier = before.find((checksum) => checksum.algorithm === algorithm && checksum.value === value);
    const verified = verdict?.compared.includes(algorithm) ? verdict.verified : (earlier?.verified ?? null);
    return { algorithm, value, at, verified, file };
  });
  return [...before.filter(({ algorithm }) => !sums.has(algorithm)), ...computed];
};

export const checksumExecutor = (access: LibraryAccess): Executor<ChecksumRun, ChecksumJournal> => ({
  kind: 'image-checksum',
  run: async (context) => {
    const { imageId, expected, names } = context.request;
    if (context.resumed) context.recovered('The file is read again from its beginning.');
    context.step(0);
    const found = await hashed(access, context);
    context.cancelled.throwIfAborted();
    context.finishing();
    context.step(1);
    const verdict = expected.length === 0 ? null : judge(expected, names, found.sums);
    await access.exclusive(() => access.refreshLocked([imageId]));
    access.rememberChecksums(imageId, remembered(access.memory.of(imageId).checksums, found, verdict));
    const result: ChecksumResult = {
      imageId,
      checksums: Object.fromEntries(found.sums),
      verified: verdict?.verified ?? null,
      bytes: found.file.size,
      words:
        verdict?.words ??
        'It was compared with nothing. Give the sum that its maker has published, to have it compared.',
    };
    return { ...result };
  },
});

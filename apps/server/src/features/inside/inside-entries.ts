import type { InsideEntries, InsideEntry } from '@strata/contract';
import type { GuestFiles, GuestStat } from '../../qemu/tools/guestfs/guest-files.ts';
import { joined, shownText, textOf } from './guest-path.ts';

/** More names than these are left in the order of the file system: sorting them would hold up everything else. */
const mostSorted = 50_000;
const latestYear = 9999;

const timeOf = (seconds: number): string | null => {
  const time = new Date(seconds * 1000);
  const year = time.getUTCFullYear();
  return Number.isNaN(year) || year < 0 || year > latestYear ? null : time.toISOString();
};

const nothing: GuestStat = { kind: 'other', size: 0, mode: 0, modifiedSeconds: Number.NaN };

const entryOf = (
  folder: Uint8Array,
  name: Buffer,
  { kind, size, mode, modifiedSeconds }: GuestStat,
  target: Buffer | null,
): InsideEntry => {
  const path = joined(folder, name);
  return {
    name: shownText(name),
    ...(textOf(name) === null ? { raw: name.toString('base64') } : {}),
    ...(textOf(path) === null ? { rawPath: path.toString('base64url') } : {}),
    kind,
    size: kind === 'file' ? size : 0,
    mode,
    modified: timeOf(modifiedSeconds),
    target: target === null ? null : shownText(target),
  };
};

/** What these names are; one that cannot be looked at is shown as `other`. */
export const describeEntries = async (
  files: GuestFiles,
  folder: Uint8Array,
  names: readonly Buffer[],
): Promise<InsideEntry[]> => {
  const stats = await files.describe(names.map((name) => joined(folder, name)));
  const links = names.filter((_, at) => stats[at]?.kind === 'link');
  const found = await files.targets(links.map((name) => joined(folder, name)));
  const targets = new Map(links.map((name, at) => [name, found[at] ?? null]));
  return names.map((name, at) => entryOf(folder, name, stats[at] ?? nothing, targets.get(name) ?? null));
};

/** The names of one folder, kept for its next page. */
export interface Listing {
  readonly key: string;
  readonly names: readonly Buffer[];
  readonly isSorted: boolean;
}

export const listFolder = async (files: GuestFiles, key: string, path: Uint8Array): Promise<Listing> => {
  const names = await files.names(path);
  const isSorted = names.length <= mostSorted;
  return { key, isSorted, names: isSorted ? names.sort(Buffer.compare) : names };
};

const placeAfter = ({ names, isSorted }: Listing, after: string | undefined): number => {
  if (after === undefined) return 0;
  const last = Buffer.from(after, 'base64url');
  const at = isSorted
    ? names.findIndex((name) => Buffer.compare(name, last) > 0)
    : names.findIndex((name) => name.equals(last)) + 1;
  return at < 0 ? names.length : at;
};

/** A page goes on after a name, so that what comes or goes meanwhile moves nothing. */
export const pageOf = async (
  files: GuestFiles,
  listing: Listing,
  path: Uint8Array,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<InsideEntries> => {
  const start = placeAfter(listing, after);
  const names = listing.names.slice(start, start + limit);
  const last = names.at(-1);
  const isMore = last !== undefined && start + limit < listing.names.length;
  return {
    path: shownText(path),
    entries: await describeEntries(files, path, names),
    total: listing.names.length,
    next: isMore ? last.toString('base64url') : null,
  };
};

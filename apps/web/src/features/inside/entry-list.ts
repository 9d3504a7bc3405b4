import type { InsideEntry } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';

export const entryColumns = ['name', 'size', 'modified'] as const;
export type EntryColumn = (typeof entryColumns)[number];
export interface EntrySorting {
  readonly column: EntryColumn;
  readonly descending: boolean;
}

const names = new Intl.Collator('en', { numeric: true });

const timeOf = ({ modified }: InsideEntry) => (modified === null ? 0 : Date.parse(modified));
const compare: Record<EntryColumn, (a: InsideEntry, b: InsideEntry) => number> = {
  name: () => 0,
  size: (a, b) => a.size - b.size,
  modified: (a, b) => timeOf(a) - timeOf(b),
};
const byName = (a: InsideEntry, b: InsideEntry) => names.compare(a.name, b.name);
const isFolder = ({ kind }: InsideEntry) => kind === 'folder';

/** Those that match, folders first, however the rest is sorted. */
export const listEntries = (
  entries: readonly InsideEntry[],
  search: string,
  { column, descending }: EntrySorting,
): InsideEntry[] => {
  const wanted = search.toLowerCase();
  const matching =
    wanted === '' ? entries : entries.filter(({ name }) => visibleName(name).toLowerCase().includes(wanted));
  const direction = descending ? -1 : 1;
  return [...matching].sort(
    (a, b) =>
      Number(isFolder(b)) - Number(isFolder(a)) || direction * (compare[column](a, b) || byName(a, b)),
  );
};

/** Where a key leads from a row; undefined: the key leads nowhere. */
export const keyRow = (key: string, at: number, count: number, page: number): number | undefined => {
  if (count === 0) return undefined;
  const to: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at < 0 ? 0 : at - 1,
    Home: 0,
    End: count - 1,
    PageDown: at + page,
    PageUp: at - page,
  };
  const target = to[key];
  return target === undefined ? undefined : Math.min(count - 1, Math.max(0, target));
};

/** `drwxr-xr-x` without its first letter. */
export const rightsOf = (mode: number): string =>
  [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-')).join('');

/** Two names may be shown alike; their bytes differ. */
export const entryKey = ({ name, raw }: Pick<InsideEntry, 'name' | 'raw'>): string =>
  raw === undefined ? `text ${name}` : `raw ${raw}`;

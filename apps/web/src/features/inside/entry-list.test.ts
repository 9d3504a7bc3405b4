import type { InsideEntry } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { keyRow, listEntries, rightsOf } from './entry-list.ts';

const entry = (name: string, more: Partial<InsideEntry> = {}): InsideEntry => ({
  ...{ name, kind: 'file', size: 0, mode: 0o644, modified: '2026-01-01T00:00:00Z', target: null },
  ...more,
});
const namesOf = (entries: InsideEntry[]) => entries.map(({ name }) => name);

describe('the entries of a folder', () => {
  const entries = [
    entry('b10', { size: 1 }),
    entry('zoo', { kind: 'folder' }),
    entry('b9', { size: 3, modified: '2025-01-01T00:00:00Z' }),
    entry('bin', { kind: 'link', target: 'usr/bin' }),
    entry('apt', { kind: 'folder' }),
  ];

  it('are folders first, then by name, numbers as numbers', () => {
    const sorted = listEntries(entries, '', { column: 'name', descending: false });
    expect(namesOf(sorted)).toEqual(['apt', 'zoo', 'b9', 'b10', 'bin']);
  });

  it('keep their folders first when the rest is turned round', () => {
    expect(namesOf(listEntries(entries, '', { column: 'size', descending: true }))).toEqual([
      ...['zoo', 'apt'],
      ...['b9', 'b10', 'bin'],
    ]);
    expect(namesOf(listEntries(entries, '', { column: 'modified', descending: false }))[2]).toBe('b9');
  });

  it('are found by what of their names is shown', () => {
    const odd = [entry('a\nb'), entry('photo\u202egnp.exe'), entry('Notes')];
    const sorting = { column: 'name', descending: false } as const;
    expect(namesOf(listEntries(odd, 'U+000a', sorting))).toEqual(['a\nb']);
    expect(namesOf(listEntries(odd, '202e', sorting))).toEqual(['photo\u202egnp.exe']);
    expect(namesOf(listEntries(odd, 'NOTE', sorting))).toEqual(['Notes']);
  });
});

it('keys move within the rows and stop at their ends', () => {
  expect(keyRow('ArrowDown', -1, 3, 10)).toBe(0);
  expect(keyRow('ArrowDown', 2, 3, 10)).toBe(2);
  expect(keyRow('ArrowUp', 0, 3, 10)).toBe(0);
  expect(keyRow('PageDown', 5, 100, 10)).toBe(15);
  expect(keyRow('End', 5, 100, 10)).toBe(99);
  expect(keyRow('a', 5, 100, 10)).toBeUndefined();
  expect(keyRow('ArrowDown', -1, 0, 10)).toBeUndefined();
});

it('rights read as in a listing', () => {
  expect(rightsOf(0o755)).toBe('rwxr-xr-x');
  expect(rightsOf(0o100640)).toBe('rw-r-----');
});

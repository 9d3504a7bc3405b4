import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFolderWatch, type FolderWatch } from './folder-watch.ts';

let folder: string;
let watch: FolderWatch;
let isHeld = false;
let named: Set<string>;
let written: Set<string>;
/** How often it was said that anything may have happened. */
let anything: number;
const soon = { timeout: 20_000, interval: 20 };
const root = (): string => join(folder, 'library');
const at = (...names: string[]): string => join(root(), ...names);

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-watch-')));
  mkdirSync(at('deep', 'deeper'), { recursive: true });
  [isHeld, named, written, anything] = [false, new Set(), new Set(), 0];
  watch = createFolderWatch('/nowhere', {
    names: (paths) => {
      if (paths === null) anything += 1;
      for (const path of paths ?? []) named.add(path);
    },
    writes: (paths) => {
      for (const path of paths) written.add(path);
    },
    failed: (message) => {
      throw new Error(message);
    },
    isHeld: () => isHeld,
  });
  watch.set([root()], []);
  // All is watched: what came until then was seen by nobody.
  await vi.waitFor(() => expect(anything).toBe(1), soon);
});
afterEach(async () => {
  await watch.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the folders of the library are watched', () => {
  test('by the names of what comes, goes and is written, also in folders below', async () => {
    writeFileSync(at('a.qcow2'), 'one');
    writeFileSync(at('deep', 'deeper', 'b.qcow2'), 'two');
    await vi.waitFor(() => expect(written.size).toBe(2), soon);
    expect([...named].sort()).toEqual([at('a.qcow2'), at('deep', 'deeper', 'b.qcow2')]);
    named.clear();
    renameSync(at('a.qcow2'), at('deep', 'c.qcow2'));
    rmSync(at('deep', 'deeper', 'b.qcow2'));
    await vi.waitFor(() => expect(named.size).toBe(3), soon);
    expect([...named].sort()).toEqual([
      at('a.qcow2'),
      at('deep', 'c.qcow2'),
      at('deep', 'deeper', 'b.qcow2'),
    ]);
    expect(anything).toBe(1);
  });

  test('and nothing is told of hidden files', async () => {
    writeFileSync(at('.strata-1-2-3.part'), 'in the making');
    writeFileSync(at('seen.qcow2'), '');
    await vi.waitFor(() => expect(named).toContain(at('seen.qcow2')), soon);
    expect([...named]).toEqual([at('seen.qcow2')]);
  });

  test('with those that come later, whatever is in them already', async () => {
    mkdirSync(join(folder, 'elsewhere', 'within'), { recursive: true });
    renameSync(join(folder, 'elsewhere'), at('new'));
    await vi.waitFor(() => expect(anything).toBeGreaterThan(1), soon);
    writeFileSync(at('new', 'within', 'a.qcow2'), '');
    await vi.waitFor(() => expect(named).toContain(at('new', 'within', 'a.qcow2')), soon);
  });

  test('by the name that a folder has now', async () => {
    renameSync(at('deep'), at('other'));
    await vi.waitFor(() => expect(anything).toBeGreaterThan(1), soon);
    writeFileSync(at('other', 'deeper', 'a.qcow2'), '');
    await vi.waitFor(() => expect(named).toContain(at('other', 'deeper', 'a.qcow2')), soon);
    expect(named).not.toContain(at('deep', 'deeper', 'a.qcow2'));
  });

  test('again when one that was taken away is back', async () => {
    rmSync(root(), { recursive: true });
    await vi.waitFor(() => expect(anything).toBeGreaterThan(1), soon);
    const before = anything;
    mkdirSync(at('deep'), { recursive: true });
    await vi.waitFor(() => expect(anything).toBeGreaterThan(before), soon);
    writeFileSync(at('deep', 'a.qcow2'), '');
    await vi.waitFor(() => expect(named).toContain(at('deep', 'a.qcow2')), soon);
  });

  test('and more than can be told one by one is told as anything', async () => {
    for (let number = 0; number < 100; number += 1) writeFileSync(at(`${number}.qcow2`), '');
    await vi.waitFor(() => expect(anything).toBeGreaterThan(1), soon);
  });

  test('but nothing is done while a guest waits for us', async () => {
    isHeld = true;
    writeFileSync(at('a.qcow2'), '');
    // Longer than it would take: what is written later is told with it.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(named.size).toBe(0);
    isHeld = false;
    await vi.waitFor(() => expect(named).toContain(at('a.qcow2')), soon);
  });
});

test('a single file that lies elsewhere is watched by its name, and its neighbours are not', async () => {
  const lone = join(folder, 'lone.qcow2');
  writeFileSync(lone, 'one');
  watch.set([root()], [lone]);
  await vi.waitFor(() => expect(anything).toBeGreaterThan(1), soon);
  named.clear();
  writeFileSync(join(folder, 'neighbour.qcow2'), '');
  writeFileSync(join(folder, 'next'), 'another');
  renameSync(join(folder, 'next'), lone);
  await vi.waitFor(() => expect(named).toContain(lone), soon);
  expect([...named]).toEqual([lone]);
  writeFileSync(lone, 'more');
  await vi.waitFor(() => expect(written).toContain(lone), soon);
});

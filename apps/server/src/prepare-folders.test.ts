import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fitsSockets, prepareFolders } from './prepare-folders.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const modeOf = (path: string): number => statSync(path).mode & 0o777;

it('makes every folder private, also one that was there', () => {
  const dataDir = join(folder, 'data');
  mkdirSync(join(dataDir, 'images'), { recursive: true });
  chmodSync(dataDir, 0o755);
  const prepared = prepareFolders({ dataDir, runtimeDir: null });
  expect(prepared).toEqual({ dataDir, runDir: join(dataDir, 'run') });
  for (const name of ['', 'images', 'vms', 'trash', 'backups', 'run'])
    expect([name, modeOf(join(dataDir, name))]).toEqual([name, 0o700]);
});

it('puts sockets into the runtime folder of the user, a folder for each data folder', () => {
  const runtimeDir = join(folder, 'xdg');
  mkdirSync(runtimeDir, { mode: 0o700 });
  const one = prepareFolders({ dataDir: join(folder, 'one'), runtimeDir });
  const two = prepareFolders({ dataDir: join(folder, 'two'), runtimeDir });
  expect(one.runDir).toMatch(new RegExp(`^${runtimeDir}/strata/[0-9a-f]{8}$`));
  expect(two.runDir).not.toBe(one.runDir);
  expect(prepareFolders({ dataDir: join(folder, 'one'), runtimeDir }).runDir).toBe(one.runDir);
  expect(modeOf(one.runDir)).toBe(0o700);
});

it('does not use a runtime folder that others can write, or that is not there', () => {
  const runtimeDir = join(folder, 'open');
  mkdirSync(runtimeDir);
  chmodSync(runtimeDir, 0o777);
  const dataDir = join(folder, 'data');
  expect(prepareFolders({ dataDir, runtimeDir }).runDir).toBe(join(dataDir, 'run'));
  expect(prepareFolders({ dataDir, runtimeDir: join(folder, 'none') }).runDir).toBe(join(dataDir, 'run'));
});

it('measures socket paths in bytes: 77 for the folder, 30 below it', () => {
  expect(fitsSockets(`/${'x'.repeat(76)}`)).toBe(true);
  expect(fitsSockets(`/${'x'.repeat(77)}`)).toBe(false);
  expect(fitsSockets(`/${'é'.repeat(39)}`)).toBe(false);
});

it('refuses a folder too deep for sockets with the numbers and what to do', () => {
  const dataDir = join(folder, 'x'.repeat(60), 'y'.repeat(60));
  expect(() => prepareFolders({ dataDir, runtimeDir: null })).toThrow(
    /path-too-long.*107.*shorter --data-dir/,
  );
  const runtimeDir = join(folder, 'xdg');
  mkdirSync(runtimeDir, { mode: 0o700 });
  expect(prepareFolders({ dataDir, runtimeDir }).runDir).toContain('/xdg/strata/');
});

it('refuses a data folder that cannot be one, in words', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => prepareFolders({ dataDir: join(folder, 'file'), runtimeDir: null })).toThrow(
    /cannot write to its data folder .*file where a folder should be.*--data-dir/,
  );
  expect(() => prepareFolders({ dataDir: '/proc/strata', runtimeDir: null })).toThrow(/--data-dir/);
});

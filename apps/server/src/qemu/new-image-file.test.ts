import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { intoNewFile, isPart, removeAbandonedPart } from './new-image-file.ts';
import { identify } from './process-identity.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-new-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const longAgo = (path: string): void => utimesSync(path, new Date(0), new Date(0));

describe('a new image', () => {
  test('has no name in the library until it is complete', async () => {
    let meanwhile: string[] = [];
    await intoNewFile(at('new.qcow2'), async (file) => {
      meanwhile = readdirSync(folder);
      writeFileSync(file, 'complete');
    });
    expect(meanwhile.filter((name) => !isPart(name))).toEqual([]);
    expect(readdirSync(folder)).toEqual(['new.qcow2']);
    expect(readFileSync(at('new.qcow2'), 'utf8')).toBe('complete');
  });

  test('leaves nothing behind when it could not be made', async () => {
    const made = intoNewFile(at('new.qcow2'), () => Promise.reject(new Error('no')));
    await expect(made).rejects.toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each(['before', 'meanwhile'])('never takes a name that somebody else took %s', async (when) => {
    if (when === 'before') writeFileSync(at('new.qcow2'), 'theirs');
    const made = intoNewFile(at('new.qcow2'), async () => writeFileSync(at('new.qcow2'), 'theirs'));
    await expect(made).rejects.toMatchObject({ code: 'image-exists' });
    expect(readdirSync(folder)).toEqual(['new.qcow2']);
    expect(readFileSync(at('new.qcow2'), 'utf8')).toBe('theirs');
  });
});

describe('what a killed server left half made', () => {
  const partOf = async (pid: number): Promise<string> => {
    const path = at(`.strata-${pid}-${(await identify(pid))?.startTime ?? 0}-00ff.part`);
    writeFileSync(path, '');
    longAgo(path);
    return path;
  };

  test('goes once its maker is gone', async () => {
    const maker = spawn('sleep', ['60']);
    const part = await partOf(maker.pid ?? 0);
    await removeAbandonedPart(part);
    expect(existsSync(part)).toBe(true);
    maker.kill('SIGKILL');
    await once(maker, 'exit');
    await removeAbandonedPart(part);
    expect(existsSync(part)).toBe(false);
  });

  test('stays while it may be that of a server in another container', async () => {
    const part = at('.strata-999999999-1-00ff.part');
    writeFileSync(part, '');
    await removeAbandonedPart(part);
    expect(existsSync(part)).toBe(true);
    longAgo(part);
    await removeAbandonedPart(part);
    expect(existsSync(part)).toBe(false);
  });

  test('is told from any other hidden file by its name', async () => {
    for (const name of ['.strata', '.strata-1-2.part', 'strata-1-2-aa.part', '.strata-1-2-aa.part.qcow2'])
      expect(isPart(name)).toBe(false);
  });
});

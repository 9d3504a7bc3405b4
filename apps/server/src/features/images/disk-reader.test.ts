import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeQcow2File } from '../../testing/qcow2-file.ts';
import { inspectFiles, isUnreadable, sampleContent, walkFolder } from './disk-reader.ts';
import { wasReadLater } from './image-record.ts';
import { type Inspected, inspectFile } from './inspect-file.ts';
import { newRecord } from './read-record.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-reader-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

describe('the thread that reads the disk', () => {
  test('tells of every file what reading it by way of the thread pool tells', async () => {
    writeQcow2File(at('base.qcow2'));
    writeQcow2File(at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
    writeFileSync(at('disk.raw'), Buffer.alloc(70_000, 7));
    writeFileSync(at('cut.qcow2'), Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0]));
    const { files, problems } = await walkFolder(folder, new Set());
    expect([...files.keys()].map((path) => path.slice(folder.length + 1))).toEqual([
      'base.qcow2',
      'cut.qcow2',
      'disk.raw',
      'top.qcow2',
    ]);
    expect(problems).toEqual([]);
    const read = new Map<string, Inspected>();
    await inspectFiles([...files.keys()], (path, file) => {
      if (!isUnreadable(file)) read.set(path, file);
    });
    expect(read.size).toBe(4);
    for (const [path, file] of read) {
      expect(file).toEqual({ ...(await inspectFile(path)), readAt: file.readAt });
      expect(file.stat).toEqual(files.get(path));
    }
    expect(read.get(at('top.qcow2'))?.header.backing).toEqual({ string: 'base.qcow2', format: 'qcow2' });
    expect(read.get(at('cut.qcow2'))?.header.problems).toMatchObject([{ code: 'truncated' }]);
  });

  test('says when it read a file, and not when somebody had the time to take that in', async () => {
    writeQcow2File(at('disk.qcow2'));
    const read: Inspected[] = [];
    await inspectFiles([at('disk.qcow2')], (_, file) => {
      if (!isUnreadable(file)) read.push(file);
    });
    const taken = Date.now();
    await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(taken);
    const [file] = read;
    const record = file === undefined ? null : newRecord(at('disk.qcow2'), file);
    expect(record?.facts.readAt).toBeLessThanOrEqual(taken);
  });

  test('proves nothing by an old time of its contents in the tick in which it was changed', async () => {
    writeQcow2File(at('copy.qcow2'));
    utimesSync(at('copy.qcow2'), 1_000_000, 1_000_000);
    const { ctimeMs } = statSync(at('copy.qcow2'));
    const record = newRecord(at('copy.qcow2'), await inspectFile(at('copy.qcow2')));
    if (record === null) throw new Error('no image');
    const readAfter = (ms: number) => ({
      ...record,
      facts: { ...record.facts, readAt: Math.trunc(ctimeMs) + ms },
    });
    expect(wasReadLater(readAfter(2))).toBe(false);
    expect(wasReadLater(readAfter(100))).toBe(true);
  });

  test('opens no link and no folder, says why, and goes on with the next file', async () => {
    writeQcow2File(at('disk.qcow2'));
    symlinkSync('disk.qcow2', at('link.qcow2'));
    const told: string[] = [];
    await inspectFiles([at('gone'), at('link.qcow2'), folder, at('disk.qcow2')], (_, file) => {
      told.push(isUnreadable(file) ? file.code : file.header.kind);
    });
    expect(told).toEqual(['missing', 'not-a-file', 'not-a-file', 'qcow2']);
    expect(await sampleContent(at('link.qcow2'))).toBeNull();
    expect(await sampleContent(at('disk.qcow2'))).toMatchObject({ places: expect.any(Array) });
  });

  test('fails who waits for it when it dies, and another one takes its place', async () => {
    mkdirSync(at('below'));
    writeQcow2File(at('below/disk.qcow2'));
    // There is nothing that a file could say to make it die: it takes an argument of the wrong kind.
    const dying = walkFolder(folder, null as never);
    const waiting = walkFolder(folder, new Set());
    await expect(dying).rejects.toThrow(TypeError);
    await expect(waiting).rejects.toThrow(TypeError);
    expect([...(await walkFolder(folder, new Set())).files.keys()]).toEqual([at('below/disk.qcow2')]);
  });
});

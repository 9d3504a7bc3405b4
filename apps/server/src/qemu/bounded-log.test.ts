import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bound, readEnd, readLogEnd } from './bounded-log.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-log-'));
  log = join(folder, 'qemu.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a bounded log', () => {
  it('is empty where there is no file', () => {
    expect(readEnd(log, 10)).toEqual({ bytes: Buffer.alloc(0), truncated: false });
    bound(log, 10);
    expect(existsSync(log)).toBe(false);
  });

  it('stays as it is below its bound', () => {
    writeFileSync(log, '0123456789');
    bound(log, 10);
    expect(readFileSync(log, 'utf8')).toBe('0123456789');
    expect(readEnd(log, 4)).toEqual({ bytes: Buffer.from('6789'), truncated: true });
  });

  it('is shortened under a writer that goes on, and read across the cut', () => {
    const writer = openSync(log, 'a');
    writeSync(writer, 'abcdefghijklmnop');
    bound(log, 10);
    writeSync(writer, 'XY');
    closeSync(writer);
    expect(readFileSync(log, 'utf8')).toBe('XY');
    expect(readLogEnd(log, 8).bytes.toString()).toBe('klmnopXY');
    expect(readLogEnd(log, 100).bytes.toString()).toBe('ghijklmnopXY');
  });
});

import { describe, expect, it } from 'vitest';
import { disposition, rangeOf } from './saved-file.ts';

describe('a range of a file of 100 bytes', () => {
  it('is what the header says, within the file', () => {
    expect(rangeOf('bytes=0-0', 100)).toEqual({ start: 0, end: 0 });
    expect(rangeOf('bytes=10-', 100)).toEqual({ start: 10, end: 99 });
    expect(rangeOf('bytes=90-500', 100)).toEqual({ start: 90, end: 99 });
    expect(rangeOf('bytes=-30', 100)).toEqual({ start: 70, end: 99 });
    expect(rangeOf('bytes=-500', 100)).toEqual({ start: 0, end: 99 });
  });
  it('is none behind the end', () => {
    expect(rangeOf('bytes=100-', 100)).toBe('unsatisfiable');
    expect(rangeOf('bytes=-0', 100)).toBe('unsatisfiable');
    expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable');
  });
  it('is all of it where the header says nothing that can be followed', () => {
    for (const header of [undefined, 'bytes=-', 'bytes=9-3', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b'])
      expect(rangeOf(header, 100)).toBeNull();
  });
});

describe('the name of a file in a header', () => {
  it('is given as it is, and plainly beside that', () => {
    expect(disposition('Büro "alt".qcow2')).toBe(
      `attachment; filename="B_ro _alt_.qcow2"; filename*=UTF-8''B%C3%BCro%20%22alt%22.qcow2`,
    );
  });
  it('cannot end the header, hide itself, or lead to another folder', () => {
    for (const name of [
      'a\r\nset-cookie: x',
      '../../etc/passwd',
      '.bashrc',
      'x\u202egnp.exe',
      '\ud800',
      '',
    ]) {
      const header = disposition(name);
      expect(header).toMatch(/^attachment; filename="[^"\\/]+"; filename\*=UTF-8''[A-Za-z0-9._~!%-]+$/);
      expect(header).not.toMatch(/[\r\n]|"\.|''\./);
    }
  });
});

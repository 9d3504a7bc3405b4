import { describe, expect, test } from 'vitest';
import { candidatePaths, slug } from './image-names.ts';

describe('slug', () => {
  test.each([
    ['Debian 12 — büro', 'Debian-12-buro'],
    ['x,file=/etc/passwd,readonly=on', 'x-file-etc-passwd-readonly-on'],
    ['-n', 'n'],
    ['--help', 'help'],
    ['nbd:x', 'nbd-x'],
    ['json:{"driver":"raw"}', 'json-driver-raw'],
    ['../../etc', 'etc'],
    ['.hidden', 'hidden'],
    ['日本', 'image'],
    ['a'.repeat(10_000), 'a'.repeat(60)],
    ['<img onerror=x>', 'img-onerror-x'],
  ])('makes a file name of "%.40s" that can only be a file name', (name, expected) => {
    expect(slug(name)).toBe(expected);
    expect(slug(name)).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  });

  test('counts up when a name is taken', () => {
    const [first, second] = candidatePaths('/x', 'disk.qcow2', 'qcow2');
    expect([first, second]).toEqual(['/x/disk.qcow2', '/x/disk-2.qcow2']);
  });
});

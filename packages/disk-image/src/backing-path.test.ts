import { describe, expect, test } from 'vitest';
import { resolveBacking } from './backing-path.ts';

const overlay = '/vm/snaps/top.qcow2';

describe('resolveBacking', () => {
  test.each([
    ['base.qcow2', '/vm/snaps/base.qcow2'],
    ['../base.qcow2', '/vm/snaps/../base.qcow2'],
    ['/abs/base.qcow2', '/abs/base.qcow2'],
    ['file:/abs/base.qcow2', '/abs/base.qcow2'],
    ['./a:b.qcow2', '/vm/snaps/./a:b.qcow2'],
    ['sub/a:b', '/vm/snaps/sub/a:b'],
  ])('finds the file that "%s" means', (text, path) => {
    expect(resolveBacking(overlay, text)).toEqual({ kind: 'file', path });
  });

  test.each([
    'json:{"driver":"raw"}',
    'nbd://127.0.0.1:10809/x',
    'http://host/x',
    'ssh://host/x',
    'fat:/etc',
    'a:b.qcow2',
    'file:relative.qcow2',
    'host_device:/dev/sda',
    ':x',
    '',
    'x\ny',
  ])('never follows "%s"', (text) => {
    expect(resolveBacking(overlay, text).kind).toBe('foreign');
  });
});

import { describe, expect, it } from 'vitest';
import {
  askedPath,
  childOf,
  crumbsOf,
  entryPath,
  isFileName,
  nameOf,
  parentOf,
  root,
} from './inside-path.ts';

const text = (path: string) => ({ path, rawPath: null });
const raw = (bytes: number[]) => Buffer.from(bytes).toString('base64url');
const latin1 = (path: string) => Buffer.from(path, 'latin1').toString('base64url');

describe('a path inside a file system', () => {
  it('goes down and up, and no higher than its root', () => {
    expect(childOf(root, 'etc')).toEqual(text('/etc'));
    expect(childOf(text('/etc'), 'a b\n')).toEqual(text('/etc/a b\n'));
    expect(parentOf(text('/etc/passwd'))).toEqual(text('/etc'));
    expect(parentOf(text('/etc'))).toEqual(root);
    expect(parentOf(root)).toEqual(root);
    expect(nameOf(text('/etc/passwd'))).toBe('passwd');
  });

  it('is a crumb a folder', () => {
    expect(crumbsOf(root)).toEqual([]);
    expect(crumbsOf(text('/home/Zoë'))).toEqual([text('/home'), text('/home/Zoë')]);
  });

  it('is asked for by its bytes where it is no UTF-8', () => {
    const folder = entryPath(text('/var'), { name: 'caf\ufffd', rawPath: latin1('/var/café') });
    expect(askedPath(folder)).toEqual({ rawPath: latin1('/var/café') });
    expect(folder.path).toBe('/var/caf\ufffd');
    expect(askedPath(childOf(folder, 'menu'))).toEqual({ rawPath: latin1('/var/café/menu') });
  });

  it('is text again above a name that is none', () => {
    const deep = { path: '/var/caf\ufffd/menu', rawPath: latin1('/var/café/menu') };
    expect(crumbsOf(deep)).toEqual([
      text('/var'),
      { path: '/var/caf\ufffd', rawPath: latin1('/var/café') },
      deep,
    ]);
    expect(parentOf({ path: '/\ufffd', rawPath: raw([0x2f, 0xff]) })).toEqual(root);
  });

  it('keeps a name that begins with a byte order mark', () => {
    expect(crumbsOf({ path: '', rawPath: raw([0x2f, 0xef, 0xbb, 0xbf, 0x61]) })).toEqual([text('/\ufeffa')]);
  });
});

it('a name for something new is no path', () => {
  for (const name of ['a', 'a b', '...', '日本']) expect(isFileName(name)).toBe(true);
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0b']) expect(isFileName(name)).toBe(false);
});

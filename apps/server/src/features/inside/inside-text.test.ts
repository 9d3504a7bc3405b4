import { describe, expect, it } from 'vitest';
import { count, word } from '../../qemu/tools/guestfs/guestfish-words.ts';
import { guestPath, joined, nameOf, shownText, textOf } from './guest-path.ts';
import { previewOf } from './inside-preview.ts';

describe('a word for guestfish', () => {
  it('is nothing but escaped bytes between two quotes, whatever is in the name', () => {
    const every = Uint8Array.from({ length: 255 }, (_, at) => at + 1);
    for (const name of [every, '"; !sh', '$(x)`y`|z', 'a\nb', '\\', ''])
      expect(word(name)).toMatch(/^"(\\x[0-9a-f]{2})*"$/);
    expect(word('a"\n')).toBe('"\\x61\\x22\\x0a"');
  });
  it('has an end: the zero byte is refused, and so are numbers that are none', () => {
    expect(() => word('a\0b')).toThrow();
    for (const value of [-1, 1.5, Number.NaN, 2 ** 60]) expect(() => count(value)).toThrow();
  });
});

describe('a path in a guest', () => {
  it('loses what means nothing, and never leads up', () => {
    expect(guestPath({ path: '//a/./b//c/' }).toString()).toBe('/a/b/c');
    expect(guestPath({ path: '/' }).toString()).toBe('/');
    expect(guestPath({ path: '/...' }).toString()).toBe('/...');
    for (const path of ['/..', '/a/../b', 'a', '', '/a\0', `/${'x'.repeat(256)}`, `/${'x/'.repeat(2500)}`])
      expect(() => guestPath({ path })).toThrow();
  });
  it('is bytes, also where these are no text', () => {
    const raw = Buffer.from([0x2f, 0xff, 0x0a]);
    const path = guestPath({ rawPath: raw.toString('base64url') });
    expect(path.equals(raw)).toBe(true);
    expect([textOf(path), shownText(nameOf(path))]).toEqual([null, '\ufffd\n']);
    expect(joined(Buffer.from('/'), Buffer.from('a')).toString()).toBe('/a');
    expect(joined(Buffer.from('/a'), Buffer.from('b')).toString()).toBe('/a/b');
    expect(() => guestPath({ rawPath: Buffer.from('/a/../b').toString('base64url') })).toThrow();
  });
});

describe('the beginning of a file', () => {
  it('is text also where its last character was cut in two, and a dump where it is none', () => {
    const cut = Buffer.from('aé').subarray(0, 2);
    expect(previewOf(cut, 3)).toMatchObject({ kind: 'text', text: 'a', truncated: true });
    expect(previewOf(cut, 2)).toMatchObject({ kind: 'binary', text: null, truncated: false });
    expect(previewOf(Buffer.from('A\0\x1f'), 3).hex).toMatch(/^00000000 {2}41 00 1f +A\.\.$/);
    expect(previewOf(Buffer.alloc(0), 0)).toMatchObject({ kind: 'text', text: '', truncated: false });
  });
});

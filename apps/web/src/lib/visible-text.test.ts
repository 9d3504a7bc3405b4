import { describe, expect, it } from 'vitest';
import { nameParts, quotedName, visibleLines, visibleName } from './visible-text.ts';

describe('a name that a stranger wrote', () => {
  it('is left as it is when all of it can be seen, in every script', () => {
    for (const name of [
      'notes.txt',
      'Ünïcode – 日本語',
      'مستند.txt',
      '👩‍👩‍👧 family',
      '../../etc/passwd',
      '<b>bold</b>',
    ])
      expect(visibleName(name)).toBe(name);
  });

  it('shows its control characters', () => {
    expect(visibleName('a\nb\tc\u001b[31m\u007f')).toBe('a‹U+000A›b‹U+0009›c‹U+001B›[31m‹U+007F›');
    expect(visibleName('a\u0085b\u2028c')).toBe('a‹U+0085›b‹U+2028›c');
  });

  it('shows what would turn its text around, or is not to be seen at all', () => {
    expect(visibleName('photo\u202egnp.exe')).toBe('photo‹U+202E›gnp.exe');
    expect(visibleName('a\u2066b\u2069c\u200fd')).toBe('a‹U+2066›b‹U+2069›c‹U+200F›d');
    expect(visibleName('pass\u200bword\ufeff')).toBe('pass‹U+200B›word‹U+FEFF›');
  });

  it('shows spaces at its edges, and half a surrogate pair', () => {
    expect(visibleName(' a b ')).toBe('·a b·');
    expect(visibleName('a\ud800')).toBe('a‹U+D800›');
  });

  it('tells its own letters from those that stand for a character', () => {
    expect(nameParts('a\nb')).toEqual([
      { text: 'a', isMark: false },
      { text: '‹U+000A›', isMark: true },
      { text: 'b', isMark: false },
    ]);
    // A name may hold the sign itself: it is no mark.
    expect(nameParts('a·b')).toEqual([{ text: 'a·b', isMark: false }]);
  });

  it('is kept apart from the sentence around it', () => {
    expect(quotedName('\u202ex')).toBe('\u2068‹U+202E›x\u2069');
  });
});

describe('lines of a file', () => {
  it('stay lines, with all else that cannot be seen shown', () => {
    expect(visibleLines('a\r\n\tb\u202e\u0000\rc\n')).toBe('a\n\tb‹U+202E›‹U+0000›‹U+000D›c\n');
  });
});

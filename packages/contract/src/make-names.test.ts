import { describe, expect, it } from 'vitest';
import { caseCollision, fatNameProblem, mostAlikeOnFat, pathProblem, tooManyAlike } from './make-names.ts';

describe('a path of a file that becomes one of an image', () => {
  it('is relative, stays in its folder, and is text', () => {
    for (const path of ['a', 'a/b.txt', '-i', '.hidden', 'é日本/🙂', 'a..b', '...'])
      expect(pathProblem(path), path).toBeNull();
    const wrong = ['', '/a', '..', 'a/../b', './a', 'a//b', 'a/', 'a\nb', 'a\0', '\ud800', '\ufffd'];
    for (const path of [...wrong, 'x'.repeat(256), 'é'.repeat(128), 'ab/'.repeat(301)])
      expect(pathProblem(path), JSON.stringify(path)).not.toBeNull();
  });
});

describe('a name on FAT', () => {
  it('has no sign, no ending and no word that FAT keeps for itself', () => {
    for (const name of ['A.TXT', 'long name.text', '.hidden', 'console.txt', 'com10', 'é日本'])
      expect(fatNameProblem(name, false), name).toBeNull();
    for (const name of [
      'a:b',
      'a*',
      'a\\b',
      ' a',
      'a ',
      'a.',
      'con',
      'NUL.txt',
      'com1',
      '🙂',
      'x'.repeat(251),
    ])
      expect(fatNameProblem(name, false), name).not.toBeNull();
  });

  it('is plain on a floppy', () => {
    expect([fatNameProblem('é', true), fatNameProblem('A', true)]).toEqual([expect.any(String), null]);
  });

  it('is told apart in small letters', () => {
    expect(caseCollision(['a/B', 'a/b', 'c'])).toEqual(['a/B', 'a/b']);
    expect(caseCollision(['a', 'b'])).toBeNull();
  });

  it('needs a short one for DOS, of which there are enough only when not too many begin alike', () => {
    const alike = (count: number, name: (number: number) => string): string[] =>
      Array.from({ length: count }, (_, number) => `in/${name(number)}`);
    expect(tooManyAlike(alike(2000, (number) => `IMG_${number}.JPG`))).toBeNull();
    expect(tooManyAlike(alike(mostAlikeOnFat, (number) => `photo of ${number}.jpeg`))).toBeNull();
    expect(tooManyAlike(alike(mostAlikeOnFat + 1, (number) => `photo of ${number}.jpeg`))).toBe('in');
  });
});

import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { shellWord } from './shell-word.ts';

describe('a shell word', () => {
  test('stays as it is where a shell has nothing to look at', () => {
    expect(shellWord('guest=Demo,x=on')).toBe('guest=Demo,x=on');
  });

  test('comes back from a shell as the same text', () => {
    const words = [
      '',
      ' ',
      "it's",
      '"',
      '$HOME',
      '`id`',
      '{"a":[1]}',
      'a\\b',
      '~',
      '*',
      'ü',
      '!x',
      '#',
      '-n',
      '&',
      ';',
    ];
    const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`], {
      encoding: 'utf8',
    });
    expect(printed.split('\0').slice(0, -1)).toEqual(words);
  });
});

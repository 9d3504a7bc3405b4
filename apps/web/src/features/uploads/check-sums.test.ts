import { expect, it } from 'vitest';
import { isSumsFile, readSums } from './check-sums.ts';

const sum = '0123456789abcdef'.repeat(4);

it('knows a file of check sums by its name', () => {
  const named = (name: string, size = 100) => isSumsFile({ name, size });
  expect(['SHA256SUMS', 'sha256sum.txt', 'disk.img.sha256'].map((name) => named(name))).toEqual([
    true,
    true,
    true,
  ]);
  expect([named('disk.img'), named('SHA256SUMS', 2 ** 20)]).toEqual([false, false]);
});

it('reads both ways in which they are written, and passes over the rest', () => {
  const text = `# sums\n${sum}  ./in/disk.img\r\n${sum.toUpperCase()} *other.iso\nSHA256 (third.raw) = ${sum}\nnonsense\n`;
  expect([...readSums(text)]).toEqual([
    ['disk.img', sum],
    ['other.iso', sum],
    ['third.raw', sum],
  ]);
});

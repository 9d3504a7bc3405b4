import { expect, it } from 'vitest';
import { wantedSize } from './wanted-size.ts';

it('takes a size, or so much more than there is, and nothing that is no size of a disk', () => {
  const before = 10 * 1024 ** 3;
  expect(wantedSize('20G', before)).toBe(20 * 1024 ** 3);
  expect(wantedSize(' +2 GiB', before)).toBe(12 * 1024 ** 3);
  expect(wantedSize('1.5T', before)).toBe(1536 * 1024 ** 3);
  for (const text of ['', '+', '-2G', '100', '65T', 'x', '0']) expect(wantedSize(text, before)).toBeNull();
});

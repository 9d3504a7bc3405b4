import { expect, it } from 'vitest';
import { screenshotName } from './save-blob.ts';

it('names a screenshot by VM and time, as a valid file name', () => {
  const at = new Date(2026, 10, 23, 8, 5, 9);
  expect(screenshotName('web-7', at)).toBe('web-7 2026-11-23 08.05.09.png');
  expect(screenshotName('../a:b/"c"', at)).toBe('a-b-c- 2026-11-23 08.05.09.png');
  expect(screenshotName('///', at)).toBe('screen 2026-11-23 08.05.09.png');
});

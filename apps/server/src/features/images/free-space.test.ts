import { expect, test } from 'vitest';
import { noSpaceWords } from './free-space.ts';

test('a full disk is told with the reserve, so that the numbers add up', () => {
  const words = noSpaceWords('/data/images', 1024 ** 2, 11.4 * 1024 ** 2);
  expect(words).toContain('needs 1 MiB in /data/images.');
  expect(words).toContain('11 MiB are free there, and Strata keeps 64 MiB free');
});

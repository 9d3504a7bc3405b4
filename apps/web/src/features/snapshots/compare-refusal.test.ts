import { expect, test } from 'vitest';
import { compareRefusal } from './compare-refusal.ts';

test('a tag inside a layer is not compared, and is named', () => {
  const layer = { kind: 'external', name: 'a layer' } as const;
  expect(compareRefusal([layer, { kind: 'internal', name: 'a tag' }])).toMatch(/“a tag”.*Extract/);
  expect(compareRefusal([layer, layer])).toBeNull();
  expect(compareRefusal([])).toBeNull();
});

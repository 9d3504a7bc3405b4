import { expect, it } from 'vitest';
import { freeName } from './free-name.ts';

it('counts up until nobody has the name, whatever its case', () => {
  expect(freeName('web', [])).toBe('web');
  expect(freeName('web', ['WEB', 'web 2'])).toBe('web 3');
  expect(freeName('x'.repeat(200), [])).toHaveLength(90);
});

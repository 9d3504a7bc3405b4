import { expect, it } from 'vitest';
import { keptName } from './kept-name.ts';

it('names the state that is kept by what it is left for', () => {
  expect(keptName('reverting to', 'clean')).toBe('Before reverting to clean');
  expect(keptName('continuing on', 'branch.qcow2')).toBe('Before continuing on branch.qcow2');
});

it.each([
  'Before reverting to s1',
  'before revert to s1',
  'before revert to before revert to s1',
  'Before reverting to s1 (7)',
])('never nests: going back to “%s” is named by s1', (target) => {
  expect(keptName('reverting to', target)).toBe('Before reverting to s1');
});

it('is told apart from one that the VM has already', () => {
  const taken = ['Before reverting to s1', 'before reverting to S1 (2)'];
  expect(keptName('reverting to', 's1', taken)).toBe('Before reverting to s1 (3)');
  expect(keptName('reverting to', 'Before reverting to s1 (2)', taken)).toBe('Before reverting to s1 (3)');
  expect(keptName('reverting to', 'state (2)')).toBe('Before reverting to state (2)');
});

it('fits a name, number and all', () => {
  const long = 'x'.repeat(100);
  const first = keptName('reverting to', long);
  expect(first).toHaveLength(100);
  const second = keptName('reverting to', long, [first]);
  expect(second).toHaveLength(100);
  expect(second).toMatch(/x \(2\)$/);
  expect(keptName('reverting to', 'before revert to ')).toBe('Before reverting to before revert to');
});

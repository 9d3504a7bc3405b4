import { expect, test } from 'vitest';
import { dataOfEither } from './file-ranges.ts';

const range = (start: number, end: number, zero: boolean) => ({ start, end, zero });

test('two files are compared wherever either has data, each place once', () => {
  const one = [range(0, 10, false), range(10, 50, true), range(50, 60, false), range(60, 100, true)];
  const other = [range(0, 5, true), range(5, 20, false), range(20, 90, true), range(90, 100, false)];
  expect(dataOfEither(one, other).map(({ start, end }) => [start, end])).toEqual([
    [0, 20],
    [50, 60],
    [90, 100],
  ]);
  expect(dataOfEither([range(0, 100, true)], [range(0, 100, true)])).toEqual([]);
});

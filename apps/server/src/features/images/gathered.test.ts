import { expect, test } from 'vitest';
import { createExclusive } from './exclusive.ts';
import { gathered } from './gathered.ts';

test('questions that wait together are answered by one piece of work, each with its own answer or refusal', async () => {
  const prepared: (readonly string[])[] = [];
  let goOn: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const ask = gathered<string, string>(
    createExclusive(),
    async (keys) => {
      prepared.push(keys);
      if (keys.includes('a')) await first;
      if (keys.includes('broken')) throw new Error('nothing can be said');
    },
    (key) => {
      if (key === 'bad') throw new Error('refused');
      return key.toUpperCase();
    },
  );
  const a = ask('a');
  await Promise.resolve();
  const later = Promise.allSettled([ask('b'), ask('bad'), ask('c')]);
  goOn();
  expect(await a).toBe('A');
  expect(await later).toMatchObject([{ value: 'B' }, { reason: { message: 'refused' } }, { value: 'C' }]);
  expect(prepared).toEqual([['a'], ['b', 'bad', 'c']]);
  await expect(ask('broken')).rejects.toThrow('nothing can be said');
  expect(await ask('d')).toBe('D');
});

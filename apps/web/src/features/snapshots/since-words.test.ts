import { expect, it } from 'vitest';
import { hereWords } from './since-words.ts';

const off = { state: 'off', disks: [{ id: 'a' }, { id: 'b' }] } as unknown as Parameters<typeof hereWords>[0];
const of = (...ids: string[]) => ({
  name: 'clean',
  disks: ids.map((diskId) => ({ diskId, imageId: diskId })),
});

it('says that the last snapshot holds the state now, only when it holds all of it and nobody writes', () => {
  expect(hereWords(off, of('a', 'b'), false)).toMatch(/“clean” holds the same/);
  const others = [
    hereWords(off, of('a', 'b'), true),
    hereWords(off, of('a'), false),
    hereWords({ ...off, state: 'running' }, of('a', 'b'), false),
  ];
  for (const words of others) expect(words).toMatch(/from “clean”. No snapshot holds it yet/);
  expect(hereWords(off, null, false)).toMatch(/No snapshot lies below/);
});

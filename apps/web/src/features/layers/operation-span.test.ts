import { describe, expect, it } from 'vitest';
import { operationSpan } from './operation-span.ts';

const images = (...ids: string[]) => ids.map((id) => ({ kind: 'image' as const, id, name: id }));
const chain = ['active', 'b', 'a', 'base'];

describe('the arrow of a running operation', () => {
  it('of a commit points down to the lowest of its layers', () => {
    const subjects = [{ kind: 'vm' as const, id: 'vm', name: 'vm' }, ...images('a', 'b', 'base')];
    expect(operationSpan({ kind: 'commit', subjects }, chain)).toEqual({
      source: 1,
      target: 3,
      direction: 'down',
    });
  });
  it('of a pull points up to the uppermost', () => {
    expect(operationSpan({ kind: 'pull', subjects: images('active', 'b', 'a') }, chain)).toEqual({
      source: 2,
      target: 0,
      direction: 'up',
    });
  });
  it('stands at the receiving layer alone when the others are not in this chain (any more)', () => {
    expect(operationSpan({ kind: 'commit', subjects: images('merged', 'a') }, chain)).toMatchObject({
      target: 2,
      direction: 'down',
    });
    expect(operationSpan({ kind: 'pull', subjects: images('b', 'gone') }, chain)).toMatchObject({
      target: 1,
      direction: 'up',
    });
  });
  it('is none when the work is elsewhere, or is no moving of data', () => {
    expect(operationSpan({ kind: 'commit', subjects: images('x', 'y') }, chain)).toBeNull();
    expect(operationSpan({ kind: 'pull', subjects: images('x', 'base') }, chain)).toBeNull();
    expect(operationSpan({ kind: 'snapshot-take', subjects: images('a', 'b') }, chain)).toBeNull();
  });
});

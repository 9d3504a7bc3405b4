import type { Plan } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { nameLayers } from './name-layers.ts';

describe('the names in a plan', () => {
  it('are those of the library in the drawing, the relinks and what is left over', () => {
    const layer = { imageId: 'a', name: 'web-7' };
    const plan = {
      before: [{ layers: [layer] }],
      after: [{ layers: [{ imageId: 'new', name: 'New overlay' }, layer] }],
      relinks: [layer],
      nowUnused: [layer],
    } as unknown as Plan;
    const named = nameLayers(plan, ({ id, name }) => (id === 'a' ? 'web-7-2.qcow2' : name));
    expect(named.after[0]?.layers.map(({ name }) => name)).toEqual(['New overlay', 'web-7-2.qcow2']);
    for (const list of [named.before[0]?.layers, named.relinks, named.nowUnused])
      expect(list?.[0]?.name).toBe('web-7-2.qcow2');
  });
});

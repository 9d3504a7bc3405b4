import { maxDepth } from '@strata/backing-chain';
import { expect, it } from 'vitest';
import type { ImageFacts } from '../images/images.types.ts';
import { demandRoom } from './demand-room.ts';

const chainOf = (length: number): ImageFacts[] =>
  Array.from({ length }, (_, index) => ({
    ...{ id: `i${index}`, name: `layer${index}`, path: `/l/${index}.qcow2`, format: 'qcow2' },
    ...{ virtualSize: 1, allocatedSize: 1, backingId: null, present: true },
  }));

it('a chain takes one more layer until it has as many as a VM can be started on', () => {
  expect(() => demandRoom(chainOf(maxDepth - 1))).not.toThrow();
  expect(() => demandRoom(chainOf(maxDepth))).toThrow(/“layer0” already has 256 layers/);
});

import { describe, expect, it } from 'vitest';
import { remediesOf } from './remedies.ts';

const blocker = (code: string, ...subjects: [kind: string, id: string][]) => ({
  code,
  message: '',
  subjects: subjects.map(([kind, id]) => ({ kind, id, name: id })),
});
const kinds = (...blockers: ReturnType<typeof blocker>[]) =>
  remediesOf(blockers).map(({ kind, id }) => `${kind} ${id}`);

describe('what lifts a blocker', () => {
  it('is shutting down the VM that runs, once for all layers it holds', () => {
    expect(
      kinds(blocker('held-by-running-vm', ['vm', 'web']), blocker('written-by-running-vm', ['vm', 'web'])),
    ).toEqual(['shut-down web']);
  });
  it('is a snapshot of the VM that writes the layer, and its drives where a medium is in the way', () => {
    expect(kinds(blocker('backing-is-active', ['vm', 'web'], ['image', 'disk']))).toEqual([
      'snapshot web',
      'image disk',
    ]);
    expect(kinds(blocker('media-holds', ['vm', 'web']))).toEqual(['media web']);
    expect(kinds(blocker('vm-suspended', ['vm', 'web']))).toEqual(['vm web']);
  });
  it('is the operation, the trash, the folders or the image that is named', () => {
    expect(kinds(blocker('operation-unfinished', ['operation', 'o']))).toEqual(['operation o']);
    expect(kinds(blocker('trash-stands', ['image', 't']))).toEqual(['trash null']);
    for (const code of ['forest-incomplete', 'library-incomplete'])
      expect(kinds(blocker(code))).toEqual(['folders null']);
    expect(kinds(blocker('overlay-stands', ['image', 'i']))).toEqual(['image i']);
  });
  it('is nothing but the words where there is no thing to go to', () => {
    expect(kinds(blocker('disk-full'))).toEqual([]);
  });
});

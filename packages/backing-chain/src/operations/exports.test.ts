import { describe, expect, it } from 'vitest';
import type { Forest } from '../forest.ts';
import { isRefusal } from '../plan.ts';
import { standsOn } from '../stands.ts';
import { forestWith, layerOf } from '../testing/index.ts';
import { planCommit } from './commit.ts';
import { planCompact } from './compact.ts';
import { planDelete } from './delete-layer.ts';
import { planPull } from './pull.ts';
import { planRebase } from './rebase.ts';

/** base ← middle ← top, and a sibling of top; `exported` is served to others. */
const forest = (exported: string, writes = false): Forest =>
  forestWith(
    [
      layerOf('base', null),
      layerOf('middle', 'base'),
      layerOf('top', 'middle'),
      layerOf('sibling', 'middle'),
    ],
    { exports: [{ exportId: 'e1', name: 'for the lab', imageId: exported, writes }] },
  );
const nothing = new Map([
  ['base', []],
  ['middle', []],
  ['top', []],
  ['sibling', []],
]);
const unused = {
  ...{
    storedBytes: 64 * 1024 ** 2,
    dataBytes: 0,
    zeroBytes: 64 * 1024 ** 2,
    neededBytes: 0,
    scannedBytes: 0,
  },
  ...{ exact: true, compressed: false, bitmaps: 0, otherNames: 0 },
};

const blockersOf = (plan: object): { code: string; message: string }[] => {
  if (isRefusal(plan)) throw new Error(plan.message);
  return (plan as { blockers: { code: string; message: string }[] }).blockers;
};
const namesTheExport = (plan: object): boolean =>
  blockersOf(plan).some(({ code, message }) => /^export-/.test(code) && message.includes('“for the lab”'));

describe('an exported layer', () => {
  it('stands in the way of a commit into it or through it, by name', () => {
    expect(namesTheExport(planCommit(forest('middle'), nothing, { top: 'middle', base: 'base' }))).toBe(true);
    expect(namesTheExport(planCommit(forest('base'), nothing, { top: 'middle', base: 'base' }))).toBe(true);
  });

  it('stands in the way of whatever changes a layer below it', () => {
    expect(namesTheExport(planPull(forest('top'), nothing, { into: 'middle' }))).toBe(true);
    expect(
      namesTheExport(planRebase(forest('top'), nothing, { layer: 'middle', backing: null, mode: 'safe' })),
    ).toBe(true);
    expect(namesTheExport(planCompact(forest('top'), unused, { layer: 'middle' }))).toBe(true);
  });

  it('is not removed', () => {
    expect(namesTheExport(planDelete(forest('top'), nothing, { layer: 'top', mode: 'auto' }))).toBe(true);
    expect(standsOn(forest('top'), 'top').map(({ words }) => words)).toContain(
      'The export “for the lab” serves it.',
    );
  });

  it('may be read by a pull into a layer beside it', () => {
    expect(namesTheExport(planPull(forest('middle'), nothing, { into: 'sibling' }))).toBe(false);
    expect(namesTheExport(planPull(forest('top'), nothing, { into: 'sibling' }))).toBe(false);
  });

  it('may not be read while it is written', () => {
    expect(namesTheExport(planPull(forest('base', true), nothing, { into: 'sibling' }))).toBe(true);
  });
});

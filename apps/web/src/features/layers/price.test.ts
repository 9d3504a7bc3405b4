import type { Plan } from '@strata/contract';
import { expect, it } from 'vitest';
import { otherWays, priceOf } from './price.ts';

const plan = (differs: Partial<Plan>): Plan => ({
  fingerprint: 'f',
  operation: 'delete',
  live: false,
  before: [],
  after: [],
  moves: [],
  bytesToMove: 0,
  freeSpaceNeeded: 0,
  freeSpace: null,
  deletes: [],
  losesSnapshots: [],
  relinks: [],
  switches: [],
  nowUnused: [],
  blockers: [],
  steps: [],
  commands: [],
  ...differs,
});
const mebibyte = 1024 ** 2;

it('prices a deletion by the way that is taken, and names the other one with its price', () => {
  const deletion = plan({
    method: 'pull',
    bytesToMove: 2 * mebibyte,
    deletes: [{ imageId: 'l', path: '/l', bytes: 3 * mebibyte }],
    choices: [
      { method: 'commit', bytesToMove: 9 * mebibyte, live: false, losesSnapshots: [], impediment: null },
      { method: 'pull', bytesToMove: 2 * mebibyte, live: false, losesSnapshots: [], impediment: null },
    ],
  });
  expect(priceOf(deletion).line).toMatch(
    /^by pulling it up · copies 2.* · frees 3.* · offline · loses nothing$/,
  );
  expect(otherWays(deletion)).toEqual([expect.stringMatching(/^or by committing it down: moves 9/)]);
});

it('says of the other way, too, whether it moves or copies', () => {
  const deletion = plan({
    method: 'commit',
    choices: [
      { method: 'pull', bytesToMove: 9 * mebibyte, live: false, losesSnapshots: [], impediment: null },
    ],
  });
  expect(otherWays(deletion)).toEqual([expect.stringMatching(/^or by pulling it up: copies 9/)]);
});

it('says why the other way is none', () => {
  const deletion = plan({
    method: 'pull',
    choices: [
      { method: 'commit', bytesToMove: 0, live: false, losesSnapshots: [], impediment: 'No.' },
      { method: 'pull', bytesToMove: 0, live: false, losesSnapshots: [], impediment: null },
    ],
  });
  expect(otherWays(deletion)).toEqual(['not by committing it down: No.']);
});

it('a file that just goes moves nothing; a rebase moves at most so much', () => {
  expect(priceOf(plan({ method: 'trash', choices: [] })).line).toMatch(
    /^by moving its file to the trash · offline/,
  );
  const rebase = plan({ operation: 'rebase', method: 'copy', bytesToMove: mebibyte });
  expect(priceOf(rebase).line).toMatch(/^copies at most 1/);
  expect(otherWays(rebase)).toEqual([]);
});

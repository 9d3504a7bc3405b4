import { forestWith } from '@strata/backing-chain/testing';
import { expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import { type ThinDeps, thinScheduled } from './thin-scheduled.ts';

/** Four automatic ones, `c` the newest but one; what is deleted, together with what. */
const thin = async (refuses: (ids: readonly string[]) => AppError | null, state = 'done') => {
  const asked: string[][] = [];
  const stored = ['a', 'b', 'c', 'newest'].map((id) => ({ id, name: id, origin: 'schedule', disks: [] }));
  const outcome = await thinScheduled(
    {
      images: { scan: async () => {}, forest: () => forestWith([]) },
      operations: { ended: async () => ({ id: 'op', state }) },
      deletions: {
        run: async (_: string, { snapshots = [] }: { snapshots?: string[] }) => {
          asked.push(snapshots);
          const refusal = refuses(snapshots);
          if (refusal !== null) throw refusal;
          return { id: 'op' };
        },
      },
      repository: { ofVm: () => stored as unknown as StoredSnapshot[] },
      ending: () => false,
    } as unknown as ThinDeps,
    'vm',
    1,
  );
  return { asked, outcome };
};

it('all that are too many go in one operation', async () => {
  expect(await thin(() => null)).toEqual({ asked: [['a', 'b', 'c']], outcome: null });
});

it('one that cannot go does not keep the others: each then goes on its own', async () => {
  const blocked = new AppError('plan-blocked', 'A tag is in the way.');
  const { asked, outcome } = await thin((ids) => (ids.includes('b') ? blocked : null));
  expect(asked).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  expect(outcome).toMatchObject({ outcome: 'skipped', detail: '“b” stays for now: A tag is in the way.' });
});

it('waits for the next time while another operation works on the VM', async () => {
  const busy = new AppError('operation-running', 'Something works on it.');
  const { asked, outcome } = await thin(() => busy);
  expect(asked).toEqual([['a', 'b', 'c']]);
  expect(outcome).toMatchObject({
    outcome: 'skipped',
    detail: expect.stringMatching(/“a”, “b”, “c” stay for now/),
  });
});

it('tells of an operation that did not get to its end', async () => {
  const { asked, outcome } = await thin(() => null, 'cancelled');
  expect(asked).toHaveLength(1);
  expect(outcome).toMatchObject({ outcome: 'failed', operationId: 'op' });
});

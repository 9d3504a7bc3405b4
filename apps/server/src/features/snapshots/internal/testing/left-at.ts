import type { Operation } from '@strata/contract';
import type { Bench, BenchFolder } from '../../../operations/testing/chain-bench.ts';
import type { InternalRevertRun } from '../revert-internal.types.ts';

/**
 * A revert has just begun. Its server is killed before it touched a disk, and the journal says that it had come so far:
 * what was done by then, the test does.
 */
export const leftAt = (
  folder: BenchFolder,
  operationId: string,
  journal: Record<string, unknown>,
): InternalRevertRun => {
  folder.kill();
  const { db } = folder.open();
  const row = db
    .prepare<[string], { journal: string; request: string }>(
      'SELECT journal, request FROM operations WHERE id = ?',
    )
    .get(operationId);
  if (row === undefined) throw new Error(`there is no operation ${operationId}`);
  const left = { ...(JSON.parse(row.journal) as object), ...journal };
  db.prepare('UPDATE operations SET journal = ? WHERE id = ?').run(JSON.stringify(left), operationId);
  return JSON.parse(row.request) as InternalRevertRun;
};

/** The next server, after the operation has come to its end. */
export const takenUp = async (
  folder: BenchFolder,
  operationId: string,
): Promise<readonly [Bench, Operation]> => {
  const bench = folder.open();
  await bench.images.scan();
  await bench.operations.recover();
  return [bench, await bench.operations.wait(operationId, 60)];
};

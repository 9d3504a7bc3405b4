import type { SnapshotSchedule } from '@strata/contract';
import type { Db } from '../../../db/open-database.ts';

export interface DueSchedule {
  readonly vmId: string;
  readonly schedule: SnapshotSchedule;
  /** When the next one is due. */
  readonly due: number;
}

interface Row {
  readonly id: string;
  readonly schedule: string;
}

/** A schedule is a part of its VM, and goes with it. */
export const schedulesRepository = (db: Db) => {
  const find = db
    .prepare<[string], string>('SELECT schedule FROM vms WHERE id = ? AND schedule IS NOT NULL')
    .pluck();
  const all = db.prepare<[], Row>('SELECT id, schedule FROM vms WHERE schedule IS NOT NULL ORDER BY id');
  const put = db.prepare('UPDATE vms SET schedule = ? WHERE id = ?');
  const parsed = (text: string): SnapshotSchedule => JSON.parse(text) as SnapshotSchedule;

  return {
    find: (vmId: string): SnapshotSchedule | null => {
      const found = find.get(vmId);
      return found === undefined ? null : parsed(found);
    },
    /** Of those that are on. */
    upcoming: (): DueSchedule[] =>
      all.all().flatMap(({ id, schedule: text }) => {
        const schedule = parsed(text);
        return schedule.nextAt === null ? [] : [{ vmId: id, schedule, due: Date.parse(schedule.nextAt) }];
      }),
    /** Of a VM that is gone: nothing. */
    put: (vmId: string, schedule: SnapshotSchedule): void => void put.run(JSON.stringify(schedule), vmId),
  };
};
export type SchedulesRepository = ReturnType<typeof schedulesRepository>;

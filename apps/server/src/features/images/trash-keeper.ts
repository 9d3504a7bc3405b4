import type { TrashSettings } from '@strata/contract';
import type { Db } from '../../db/open-database.ts';
import type { TrashService } from './trash.service.ts';

/** A day more or less is nothing to what has lain there for weeks. */
const lookEveryMs = 3_600_000;

export interface TrashKeeper {
  settings(): TrashSettings;
  /** Begins with the next look, never at once: who mistypes a number can take it back. */
  set(settings: TrashSettings): TrashSettings;
  /** Deletes for good what is too old; nothing unless somebody has asked for that. */
  look(now?: number): Promise<void>;
  start(): void;
  stop(): void;
}

/** Empties the trash by itself, when it was told to, and never of what something stands on. */
export const createTrashKeeper = (db: Db, trash: Pick<TrashService, 'empty'>): TrashKeeper => {
  const get = db.prepare<[], { value: string }>("SELECT value FROM settings WHERE name = 'trash'");
  const put = db.prepare(
    "INSERT INTO settings VALUES ('trash', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  let timer: NodeJS.Timeout | undefined;
  const settings = (): TrashSettings => {
    const row = get.get();
    return row === undefined ? { emptyAfterDays: null } : (JSON.parse(row.value) as TrashSettings);
  };
  const look = async (now?: number): Promise<void> => {
    const { emptyAfterDays } = settings();
    if (emptyAfterDays !== null) await trash.empty({ olderThanDays: emptyAfterDays }, now);
  };
  return {
    settings,
    look,
    set: (wanted) => {
      put.run(JSON.stringify(wanted));
      return settings();
    },
    start: () => {
      timer = setInterval(() => void look().catch(() => {}), lookEveryMs).unref();
    },
    stop: () => clearInterval(timer),
  };
};

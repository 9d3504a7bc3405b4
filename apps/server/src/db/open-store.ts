import { join } from 'node:path';
import { StartRefusal } from '../start-refusal.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { migrate } from './migrate.ts';
import { type Db, giveLogFile, openDatabase } from './open-database.ts';

const words = (path: string, error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return `The database ${path} is damaged (${message}). Your images and running VMs are not touched by this. Move the file away together with its -wal and -shm files, put the newest copy from the folder "backups" in its place, and start Strata again.`;
  if (code === 'SQLITE_FULL' || code === 'ENOSPC')
    return `The database ${path} cannot be opened: the disk is full. Free some space and start Strata again.`;
  if (/^(SQLITE_(READONLY|CANTOPEN|IOERR|PERM)|EACCES|EPERM|EROFS)/.test(code))
    return `The database ${path} cannot be written (${message}). Mend the permissions of the file and its folder.`;
  return `The database ${path} cannot be used: ${message}`;
};

/** The start has other things to write. */
const roomAfterMs = 3000;

const roomSoon = (db: Db, log: LogFile): void => {
  giveLogFile(db, log);
  setTimeout(() => {
    try {
      if (db.open) log.makeRoom();
    } catch {
      // A full disk: without room everything is only slower.
    }
  }, roomAfterMs).unref();
};

/** Opens the database of a data folder and brings it up to date; what stands in the way is said in words. */
export const openStore = (dataDir: string): Db => {
  const path = join(dataDir, 'strata.db');
  let db: Db | null = null;
  try {
    db = openDatabase(path);
    migrate(db, { backups: join(dataDir, 'backups') });
    roomSoon(db, openLogFile(path));
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof StartRefusal) throw error;
    throw new StartRefusal(words(path, error), 1, { cause: error });
  }
};

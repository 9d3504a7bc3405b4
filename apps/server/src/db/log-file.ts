import { constants, fdatasync, fdatasyncSync, fstatSync, openSync, writeSync } from 'node:fs';

/** As long as the log becomes before it begins anew: `wal_autocheckpoint` pages and a large transaction. */
const room = 4_500_000;

/** The log of a database beside SQLite's own use of it. */
export interface LogFile {
  /** What SQLite has written to it is durable from here on. */
  sync(): void;
  /** In one go, for SQLite may write to its end at any other moment; the disk has time. */
  makeRoom(): void;
}

/**
 * Syncs the log by itself, and makes its file as long as it will become. SQLite says `fsync`, which waits for the journal
 * of the file system because of a time stamp or a new length, where all that counts is what was written; `fdatasync` of
 * a part that is there already takes a tenth of that, and every step of an operation waits for it. What lies behind the
 * last frame of a log is no frame to SQLite: it is looked at as what an older, longer log has left.
 *
 * The file stays open as long as the process lives.
 */
export const openLogFile = (databasePath: string): LogFile => {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(`${databasePath}-wal`, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  return {
    sync: () => fdatasyncSync(fd),
    makeRoom: () => {
      const { size } = fstatSync(fd);
      const zeros = Buffer.alloc(Math.max(0, room - size));
      for (let at = 0; at < zeros.length; ) at += writeSync(fd, zeros, at, zeros.length - at, size + at);
      // It only makes later ones quicker.
      fdatasync(fd, () => undefined);
    },
  };
};

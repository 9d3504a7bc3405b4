import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from './config.ts';
import { StartRefusal } from './start-refusal.ts';

/** `sockaddr_un.sun_path` has 108 bytes with its closing zero (unix(7)). */
const longestSocketPath = 107;
/** `<runDir>/<id>/<name>`: ids have 12 characters, names of sockets at most 16. */
const longestBelowRunDir = '/123456789012/1234567890123456'.length;

export const fitsSockets = (runDir: string): boolean =>
  Buffer.byteLength(runDir) + longestBelowRunDir <= longestSocketPath;

/** SQLite's WAL needs memory shared by all who open it, and QEMU's locks do not reach over every network. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
]);

const reasonOf = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EROFS') return 'its file system is read-only';
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'ENOENT') return 'no folder can be made there';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'there is a file where a folder should be';
  if (code === 'ENAMETOOLONG') return 'the path is too long';
  return (error as Error).message;
};

/**
 * Like `mkdir -p`. Not Node's `recursive`: where a parent answers ENOENT to every name (as /proc does) Node 20 tries
 * for ever.
 */
const makeFolders = (path: string): void => {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path, { mode: 0o700 });
};

/** Makes the folder, or takes one that is there and ours, and closes it to others. */
const privateFolder = (path: string): void => {
  makeFolders(path);
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
};

const prepareDataDir = (dataDir: string): string => {
  try {
    privateFolder(dataDir);
    for (const name of ['images', 'vms', 'trash', 'backups', 'incoming']) privateFolder(join(dataDir, name));
  } catch (error) {
    throw new StartRefusal(
      `Strata cannot write to its data folder ${dataDir}: ${reasonOf(error)}. Choose another one with --data-dir, or mend its permissions.`,
    );
  }
  const network = networkFileSystems.get(statfsSync(dataDir).type);
  if (network !== undefined)
    throw new StartRefusal(
      `The data folder ${dataDir} is on a network file system (${network}), where the database is not safe. Choose a local folder with --data-dir; images may stay on the network.`,
    );
  return realpathSync(dataDir);
};

/** systemd's folder for sockets of this user: private, in memory, short. Someone else's is no place for ours. */
const usableRuntimeDir = (runtimeDir: string | null): string | null => {
  if (runtimeDir === null) return null;
  try {
    const { uid, mode } = statSync(runtimeDir);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return null;
    privateFolder(join(runtimeDir, 'strata'));
    return runtimeDir;
  } catch {
    return null;
  }
};

const chooseRunDir = (dataDir: string, runtimeDir: string | null): string => {
  const usable = usableRuntimeDir(runtimeDir);
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
  const candidates = [...(usable === null ? [] : [join(usable, 'strata', hash)]), join(dataDir, 'run')];
  const fitting = candidates.find(fitsSockets);
  if (fitting !== undefined) return fitting;
  throw new StartRefusal(
    `path-too-long: the sockets of the VMs would lie in ${join(dataDir, 'run')}, which is ${Buffer.byteLength(join(dataDir, 'run'))} bytes long; Linux allows ${longestSocketPath} for a whole socket path, which leaves ${longestSocketPath - longestBelowRunDir} for this folder. Choose a shorter --data-dir, or set XDG_RUNTIME_DIR to a short private folder such as /run/user/${process.getuid?.() ?? 1000}.`,
  );
};

/** Creates and checks every folder that Strata lives in. Throws a {@link StartRefusal}. */
export const prepareFolders = (
  settings: Pick<Settings, 'dataDir' | 'runtimeDir'>,
): { dataDir: string; runDir: string } => {
  const dataDir = prepareDataDir(settings.dataDir);
  const runDir = chooseRunDir(dataDir, settings.runtimeDir);
  try {
    privateFolder(runDir);
  } catch (error) {
    throw new StartRefusal(`Strata cannot use the folder ${runDir} for sockets: ${reasonOf(error)}.`);
  }
  return { dataDir, runDir };
};

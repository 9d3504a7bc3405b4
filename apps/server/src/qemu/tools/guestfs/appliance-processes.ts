import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  allPids,
  argumentsOf,
  identify,
  killProcess,
  type ProcessIdentity,
  waitForEnd,
} from '../../process-identity.ts';

const endPatienceMs = 15_000;

/** Processes in whose environment `TMPDIR` is this folder: guestfish, its appliance's QEMU, and who watches over that. */
const processesOf = async (folder: string): Promise<ProcessIdentity[]> => {
  const line = `TMPDIR=${folder}`;
  const found: ProcessIdentity[] = [];
  for (const pid of await allPids()) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const process = environment.split('\0').includes(line) ? await identify(pid) : null;
    if (process !== null) found.push(process);
  }
  return found;
};

/** For root libguestfs puts its sockets beside our folder, and cleans up only when it ends by itself. */
const socketFolder = /path=(\/[^,]*\/libguestfs[A-Za-z0-9]{6})\/guestfsd\.sock/;
const socketFoldersOf = async (processes: readonly ProcessIdentity[]): Promise<string[]> => {
  const args = await Promise.all(processes.map(({ pid }) => argumentsOf(pid)));
  return args.flat().flatMap((arg) => {
    const path = socketFolder.exec(arg)?.[1];
    return path === undefined ? [] : [path];
  });
};
const noteIn = (folder: string): string => join(folder, 'sockets');

/** So that they are found when only this folder is left. */
export const noteSockets = async (folder: string): Promise<void> => {
  const folders = await socketFoldersOf(await processesOf(folder));
  await writeFile(noteIn(folder), JSON.stringify(folders), { mode: 0o600 });
};

const notedSockets = async (folder: string): Promise<string[]> => {
  try {
    return JSON.parse(await readFile(noteIn(folder), 'utf8')) as string[];
  } catch {
    // The appliance was never there.
    return [];
  }
};

/** Ends every process that was started with this folder, and waits until it is gone. */
export const endAppliance = async (folder: string): Promise<void> => {
  const sockets = new Set(await notedSockets(folder));
  // What is just starting another program may have done so between the look and its end.
  for (;;) {
    const processes = await processesOf(folder);
    if (processes.length === 0) break;
    for (const path of await socketFoldersOf(processes)) sockets.add(path);
    for (const process of processes) await killProcess(process);
    for (const process of processes) await waitForEnd(process, endPatienceMs);
  }
  for (const path of sockets)
    if (socketFolder.test(`path=${path}/guestfsd.sock`)) await rm(path, { recursive: true, force: true });
};

import { lstat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../app-error.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';
import { allocatedOf, statKey } from './image-record.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin } from './path-trees.ts';

const demandMovable = async (access: LibraryAccess, path: string, folder: string): Promise<void> => {
  const inside = access.folders().some((each) => isWithin(path, each.path));
  if (inside || access.library.byPath(path) !== undefined)
    throw new AppError(
      'not-possible',
      `${path} is in the library already. Rename or move it there, with the button of that image.`,
    );
  if (dirname(path) === folder)
    throw new AppError('not-possible', `${path} lies in that folder already. Register it where it is.`);
  const { nlink, uid } = await lstat(path);
  if (nlink > 1)
    throw new AppError(
      'forbidden-path',
      `${path} has another name elsewhere (a hard link). Copy it instead.`,
    );
  if (uid !== process.getuid?.())
    throw new AppError('forbidden-path', `${path} belongs to another user. Copy it instead.`);
};

/** Throws unless a file of the host may be read now, and with `move`, may leave its place. */
export const demandTakeable = async (
  access: LibraryAccess,
  path: string,
  mode: 'copy' | 'move',
  folder: string,
): Promise<void> => {
  if (access.world.making().has(path))
    throw new AppError(
      'operation-running',
      `${path} belongs to an operation that has not ended. Wait for it.`,
    );
  const stat = await lstat(path, { bigint: true });
  const known = access.library.byKey(statKey(stat)) ?? access.library.byPath(path);
  const running = access.world.uses().disks.find((disk) => disk.running && disk.imageId === known?.id);
  if (running !== undefined)
    throw new AppError('vm-running', `The VM “${running.vmName}” writes ${path}. Shut it down first.`);
  if (mode === 'move') await demandMovable(access, path, folder);
  const holder = await lockHolder(path);
  if (holder !== null) throw new AppError('image-locked', openWords(holder, { name: basename(path), path }));
};

/** What of the target's disk a file of the host will take, at most. */
export const spaceOf = async (path: string): Promise<number> =>
  allocatedOf(await lstat(path, { bigint: true }));

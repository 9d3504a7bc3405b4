import { constants } from 'node:fs';
import { access as canAccess, realpath, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Folder, Problem } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { forbidSystemPath } from './forbidden-paths.ts';
import type { FolderRow } from './images.repository.ts';
import type { LibraryAccess } from './library-access.ts';
import { isWithin } from './path-trees.ts';

export type FoldersService = ReturnType<typeof createFoldersService>;

interface Deps {
  readonly access: LibraryAccess;
  /** What the last scan found wrong with a folder. */
  problemsOf(id: string): readonly Problem[];
  /** After the set of folders has changed: scan and watch anew. */
  changed(): Promise<void>;
}

/** The real path of a folder that somebody names; judged like a file. */
export const realFolder = async (given: string, dataDir: string): Promise<string> => {
  const written = normalize(given);
  forbidSystemPath(written, dataDir);
  const path = await realpath(written).catch(() => null);
  if (path === null) throw new AppError('not-found', `There is no folder ${written}.`);
  forbidSystemPath(path, dataDir);
  if (!(await stat(path)).isDirectory()) throw new AppError('not-possible', `${path} is not a folder.`);
  await canAccess(path, constants.R_OK | constants.X_OK).catch(() => {
    throw new AppError('forbidden-path', `You may not read ${path}.`);
  });
  return path;
};

/** The folders whose images Strata knows. */
export const createFoldersService = ({ access, problemsOf, changed }: Deps) => {
  const { repository, library } = access;

  const view = (folder: FolderRow): Folder => ({
    id: folder.id,
    path: folder.path,
    default: folder.isDefault,
    images: [...library.all()].filter((record) => record.present && isWithin(record.path, folder.path))
      .length,
    problems: [...problemsOf(folder.id)],
  });

  const demandNew = (path: string): void => {
    for (const folder of access.folders()) {
      if (folder.path === path) throw new AppError('name-taken', `${path} is registered already.`);
      if (isWithin(path, folder.path)) {
        throw new AppError(
          'not-possible',
          `${path} lies in ${folder.path}, which is registered: its images are known.`,
        );
      }
    }
  };

  const demandUnneeded = (folder: FolderRow): void => {
    const others = access.folders().filter(({ id }) => id !== folder.id);
    const inside = [...library.all()].filter(
      ({ path }) => isWithin(path, folder.path) && !others.some((other) => isWithin(path, other.path)),
    );
    const ids = new Set(inside.map(({ id }) => id));
    const usedBy = inside
      .flatMap(({ id }) => access.world.view(id).usedBy)
      .filter(({ kind, id }) => kind !== 'overlay' || !ids.has(id));
    const deleted = library
      .trashed()
      .filter(({ imageId }) => ids.has(imageId))
      .map(({ trashId, name }) => ({ kind: 'trash', id: trashId, name: `${name} (in the trash)` }));
    const needing = [...usedBy, ...deleted];
    if (needing.length > 0) {
      const names = [...new Set(needing.map(({ name }) => `“${name}”`))].join(', ');
      const message = `Images in ${folder.path} are needed by ${names}.`;
      throw new AppError('folder-in-use', message, { usedBy: needing });
    }
    const tainted = inside.find(({ id }) => access.world.taintOf(id) !== undefined);
    if (tainted === undefined) return;
    const words = access.world.taintOf(tainted.id);
    throw new AppError('folder-in-use', `${words?.message} ${words?.repair}`);
  };

  return {
    list: (): Folder[] => access.folders().map(view),

    add: async (given: string): Promise<Folder> => {
      const path = await realFolder(given, access.dataDir);
      demandNew(path);
      const folder: FolderRow = { id: newId(), path, isDefault: false, device: null };
      repository.addFolder(folder, new Date().toISOString());
      await changed();
      return view(folder);
    },

    remove: async (id: string): Promise<void> => {
      const folder = access.folders().find((row) => row.id === id);
      if (folder === undefined) throw new AppError('not-found', `There is no folder ${id}.`);
      if (folder.isDefault) throw new AppError('not-possible', 'The default folder cannot be forgotten.');
      demandUnneeded(folder);
      repository.dropFolder(id);
      const left = access.folders();
      const gone = [...library.all()].filter(
        ({ path }) => isWithin(path, folder.path) && !left.some((other) => isWithin(path, other.path)),
      );
      library.change(
        [],
        gone.map((record) => record.id),
      );
      access.announce();
      await changed();
    },

    /** The default folder exists from the first start on, and follows a data folder that was moved. */
    ensureDefault: async (): Promise<void> => {
      const path = await realpath(join(access.dataDir, 'images'));
      const known = repository.folders().find((folder) => folder.isDefault);
      if (known === undefined) {
        repository.addFolder({ id: newId(), path, isDefault: true, device: null }, new Date().toISOString());
      } else if (known.path !== path) repository.moveFolder(known.id, path);
    },
  };
};

import type { ImageFormat } from '@strata/contract';
import { readImageHeader } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { driverOf, relinkImage } from '../../qemu/qemu-img.ts';
import { syncWithFolder } from '../../sync-files.ts';
import type { LibraryAccess } from './library-access.ts';

/** The link in one header: as it was found, and as it is to be. Null: none. */
export interface LinkChange {
  readonly imageId: string;
  readonly path: string;
  readonly before: { readonly string: string; readonly format: string | null } | null;
  readonly after: { readonly name: string; readonly format: ImageFormat } | null;
}

/** Each is one action on the world, and may be repeated. */
export interface LinkFiles {
  /** `other`: somebody else has written the header since it was looked at. */
  look(change: LinkChange): Promise<'before' | 'after' | 'other'>;
  /** One write of one cluster; on disk when it returns. */
  write(change: LinkChange): Promise<void>;
  /** The header says what it should, and shows a disk of the same size; the library knows. Throws otherwise. */
  prove(change: LinkChange): Promise<void>;
}

const same = (found: LinkChange['before'], wanted: LinkChange['before']): boolean =>
  found?.string === wanted?.string && (found?.format ?? null) === (wanted?.format ?? null);

const afterOf = ({ after }: LinkChange): LinkChange['before'] =>
  after === null ? null : { string: after.name, format: driverOf(after.format) };

export const createLinkFiles = (access: LibraryAccess): LinkFiles => {
  const look: LinkFiles['look'] = async (change) => {
    const { backing } = await readImageHeader(change.path);
    if (same(backing, afterOf(change))) return 'after';
    return same(backing, change.before) ? 'before' : 'other';
  };
  return {
    look,
    write: async ({ path, after }) => {
      await relinkImage(path, after);
      await syncWithFolder(path);
    },
    prove: (change) =>
      access.exclusive(async () => {
        const { virtualSize } = access.world.facts(change.imageId);
        const header = await readImageHeader(change.path);
        if ((await look(change)) !== 'after' || header.virtualSize !== virtualSize)
          throw new AppError(
            'image-unreadable',
            `The header of ${change.path} does not say what was written to it.`,
          );
        await access.refreshLocked([change.imageId]);
      }),
  };
};

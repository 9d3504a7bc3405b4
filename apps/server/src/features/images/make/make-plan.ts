import type { MakeDisk, MakeForecast } from '@strata/contract';
import { freeSpaceIn, spendable } from '../../../space-reserve.ts';
import { leastDisk, writtenBytes } from './disk-layout.ts';

/** What is to be made, as far as its size depends on it. */
export type PlannedForm =
  | { readonly kind: 'iso' }
  | { readonly kind: 'floppy'; readonly kilobytes: number }
  | ({ readonly kind: 'disk' } & Pick<MakeDisk, 'fileSystem' | 'table' | 'size' | 'free' | 'format'>);

export interface Contents {
  readonly entries: number;
  readonly bytes: number;
  /** They are first brought into a private folder. */
  readonly staged: boolean;
}

const mebibyte = 1024 ** 2;
const shown = (bytes: number): string => `${Math.ceil(bytes / mebibyte).toLocaleString('en')} MiB`;

/** Each file begins a block, each name has entries in two trees, and the end is padded. */
export const discBytes = ({ entries, bytes }: Contents): number => bytes + entries * (2048 + 2048) + mebibyte;

/** What stays, in the folder of the image. */
export const imageBytes = (form: PlannedForm, contents: Contents): number => {
  if (form.kind === 'iso') return discBytes(contents);
  return form.kind === 'floppy' ? form.kilobytes * 1024 : writtenBytes(form, contents);
};

/** What is there meanwhile, in the data folder: what it is made of, what is read back, and the disk before it is a qcow2. */
export const passingBytes = (form: PlannedForm, contents: Contents): number => {
  const staged = contents.staged ? contents.bytes + contents.entries * 4096 : 0;
  if (form.kind === 'iso') return staged;
  const read = contents.bytes + contents.entries * 4096;
  const plain = form.kind === 'disk' && form.format === 'qcow2' ? writtenBytes(form, contents) : 0;
  return staged + read + plain;
};

/** Why the form has no room for it, whatever the space of the host; null: it has. */
export const roomProblem = (form: PlannedForm, contents: Contents, title: string): string | null => {
  if (form.kind === 'iso') return null;
  if (form.kind === 'floppy') {
    const { bytes } = contents;
    if (bytes <= form.kilobytes * 1024) return null;
    return `${title} holds ${Math.ceil(bytes / 1024).toLocaleString('en')} KiB, and the floppy has ${form.kilobytes}.`;
  }
  const least = leastDisk(form, contents);
  if (form.size !== undefined && form.size < least)
    return `A disk of ${shown(form.size)} is too small for ${title}: it takes ${shown(least)}.`;
  const size = form.size ?? least + form.free;
  if (size > 2 * 1024 ** 4 && (form.table === 'mbr' || form.fileSystem === 'fat32'))
    return `${form.fileSystem === 'fat32' ? 'FAT32' : 'An MBR'} ends at 2 TiB. Choose ext4 with a GPT for a larger disk.`;
  return null;
};

interface Place {
  readonly folder: string;
  readonly needed: number;
}

const spaceOf = async (
  { folder, needed }: Place,
  useReserve: boolean,
): Promise<MakeForecast['spaces'][number]> => {
  const space = await freeSpaceIn(folder);
  return { folder, needed, spendable: space === null ? null : spendable(space, useReserve) };
};

/** Folders of one file system are one place. */
export const placesOf = (
  target: { readonly folder: string; readonly device: number | null },
  data: { readonly folder: string; readonly device: number | null },
  image: number,
  passing: number,
): readonly Place[] => {
  if (passing === 0) return [{ folder: target.folder, needed: image }];
  if (target.device === data.device) return [{ folder: target.folder, needed: image + passing }];
  return [
    { folder: target.folder, needed: image },
    { folder: data.folder, needed: passing },
  ];
};

export const spacesOf = (places: readonly Place[], useReserve: boolean): Promise<MakeForecast['spaces']> =>
  Promise.all(places.map((place) => spaceOf(place, useReserve)));

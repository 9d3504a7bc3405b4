import { writeFileSync } from 'node:fs';
import { emptyQcow2 } from '@strata/disk-image';

export interface Qcow2File {
  readonly size?: number;
  readonly backing?: string;
  readonly backingFormat?: string;
}

/** A sound, empty qcow2 without starting qemu-img: many of them are made in no time. */
export const writeQcow2File = (path: string, { size, backing, backingFormat }: Qcow2File = {}): void => {
  const link = backing === undefined ? null : { string: backing, format: backingFormat ?? null };
  writeFileSync(path, emptyQcow2({ virtualSize: size ?? 64 * 1024 ** 2, backing: link }));
};

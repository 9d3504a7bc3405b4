import type { ImageFormat } from '@strata/contract';
import type { Qcow2Header } from '@strata/disk-image';
import { inTurn, runLimited } from './limited-process.ts';
import { intoNewFile } from './new-image-file.ts';
import { qcow2Form } from './qcow2-form.ts';
import { backingName, driverOf, light } from './qemu-img.ts';

export interface BlankImage {
  readonly path: string;
  readonly size: number;
  /** What it is made like; null: a raw image. */
  readonly qcow2: Qcow2Header | null;
  /** Goes into the header as it is, relative to the folder of the file. */
  readonly backing: { readonly name: string; readonly format: ImageFormat } | null;
}

/** An image that holds nothing yet, of the kind of another one. Never touches a file that exists: `image-exists`. */
export function createBlank({ path, size, qcow2, backing }: BlankImage): Promise<void> {
  const format = qcow2 === null ? ['-f', 'raw'] : ['-f', 'qcow2', '-o', qcow2Form(qcow2)];
  const link = backing === null ? [] : ['-b', backingName(backing.name), '-F', driverOf(backing.format)];
  return intoNewFile(path, (file) =>
    inTurn('light', () =>
      runLimited('qemu-img', ['create', '-q', ...format, ...link, '--', file, String(size)], light),
    ),
  );
}

import { open } from 'node:fs/promises';
import type { ImageFormat } from '@strata/contract';
import type { Qcow2Header } from '@strata/disk-image';
import { inTurn, runLimited } from './limited-process.ts';
import { qcow2Form } from './qcow2-form.ts';
import { inWords } from './qemu-errors.ts';
import { absolute, backingName, driverOf, light } from './qemu-img.ts';

export interface BlankImage {
  readonly path: string;
  readonly size: number;
  /** What it is made like; null: a raw image. */
  readonly qcow2: Qcow2Header | null;
  /** Goes into the header as it is, relative to the folder of the file. */
  readonly backing: { readonly name: string; readonly format: ImageFormat } | null;
}

/**
 * An image that holds nothing yet, of the kind of another one. The path is a hidden name of the caller's own, who knows
 * of it after a crash; a file that exists is not touched: `image-exists`.
 */
export function createBlank({ path, size, qcow2, backing }: BlankImage): Promise<void> {
  const format = qcow2 === null ? ['-f', 'raw'] : ['-f', 'qcow2', '-o', qcow2Form(qcow2)];
  const link = backing === null ? [] : ['-b', backingName(backing.name), '-F', driverOf(backing.format)];
  return inWords(`Creating ${path}`, async () => {
    // qemu-img itself overwrites in silence.
    await (await open(absolute(path), 'wx', 0o600)).close();
    const args = ['create', '-q', ...format, ...link, '--', path, String(size)];
    await inTurn('light', () => runLimited('qemu-img', args, light));
  });
}

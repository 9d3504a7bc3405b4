import type { ImageFormat } from '@strata/contract';
import { inTurn, runLimited } from './limited-process.ts';
import { intoNewFile } from './new-image-file.ts';
import { backingName, driverOf, light } from './qemu-img.ts';

/** What a qcow2 file is made with, beside its size. */
export interface Qcow2Kind {
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly lazyRefcounts: boolean;
  readonly extendedL2: boolean;
  readonly compression: 'zlib' | 'zstd';
}

export interface BlankImage {
  readonly path: string;
  readonly size: number;
  /** Null: a raw image. */
  readonly qcow2: Qcow2Kind | null;
  /** Goes into the header as it is, relative to the folder of the file. */
  readonly backing: { readonly name: string; readonly format: ImageFormat } | null;
}

const onOff = (value: boolean): string => (value ? 'on' : 'off');

/** The old header has none of the newer features, and qemu-img refuses even their being named. */
const optionsOf = (kind: Qcow2Kind): string =>
  [
    `cluster_size=${kind.clusterSize}`,
    `compat=${kind.version === 2 ? '0.10' : '1.1'}`,
    ...(kind.version === 2
      ? []
      : [
          `refcount_bits=${kind.refcountBits}`,
          `lazy_refcounts=${onOff(kind.lazyRefcounts)}`,
          `extended_l2=${onOff(kind.extendedL2)}`,
          `compression_type=${kind.compression}`,
        ]),
  ].join(',');

/** An image that holds nothing yet, of the kind of another one. Never touches a file that exists: `image-exists`. */
export function createBlank({ path, size, qcow2, backing }: BlankImage): Promise<void> {
  const format = qcow2 === null ? ['-f', 'raw'] : ['-f', 'qcow2', '-o', optionsOf(qcow2)];
  const link = backing === null ? [] : ['-b', backingName(backing.name), '-F', driverOf(backing.format)];
  return intoNewFile(path, (file) =>
    inTurn('light', () =>
      runLimited('qemu-img', ['create', '-q', ...format, ...link, '--', file, String(size)], light),
    ),
  );
}

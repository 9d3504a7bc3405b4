import { execa } from 'execa';
import { AppError } from '../app-error.ts';
import { qemuEnvironment } from './capabilities.ts';

export type BlockWrite = { readonly offset: number; readonly length: number } & (
  | { readonly pattern: number }
  /** A file beside `folder`, without a blank in its name: qemu-io splits its commands at blanks. */
  | { readonly file: string }
);

const command = (write: BlockWrite): string[] => [
  '-c',
  'pattern' in write
    ? `write -P ${write.pattern} ${write.offset} ${write.length}`
    : `write -s ${write.file} ${write.offset} ${write.length}`,
];

/** Writes into an image that no VM has open, through QEMU's own block layer: a qcow2 layer gets exactly these clusters. */
export const writeBlocks = async (
  image: { readonly path: string; readonly format: string },
  writes: readonly BlockWrite[],
  folder: string,
): Promise<void> => {
  const result = await execa('qemu-io', ['-f', image.format, ...writes.flatMap(command), '--', image.path], {
    cwd: folder,
    reject: false,
    all: true,
    timeout: 60_000,
    env: qemuEnvironment(),
    extendEnv: false,
  });
  if (result.code === 'ENOENT')
    throw new AppError(
      'tool-missing',
      'The program qemu-io is missing. Install "qemu-utils" (Debian, Ubuntu) or "qemu-img" (Fedora, Arch).',
    );
  // Whether a write went wrong is told in words only; qemu-io may still end with 0 (QEMU 7.2).
  if (result.failed || /failed|error/i.test(result.all ?? ''))
    throw new AppError('qemu-refused', `Writing into ${image.path} did not work.`, {
      stderr: result.all ?? '',
    });
};

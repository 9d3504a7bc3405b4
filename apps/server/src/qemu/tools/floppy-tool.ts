import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { inTurn, runLimited } from '../limited-process.ts';
import { absolute, light } from '../qemu-img.ts';
import { demandTool, type HostTool, toolFailure } from './tool-failure.ts';

const mformat: HostTool = { program: 'mformat', from: 'mtools' };
const mcopy: HostTool = { program: 'mcopy', from: 'mtools' };
export const demandFloppyTools = (): void => {
  demandTool(mformat);
  demandTool(mcopy);
};

export interface FloppyForm {
  readonly kilobytes: 720 | 1440 | 2880;
  /** Capital letters, digits, `_-`; checked where it comes in. */
  readonly label: string;
}

const run = async (doing: string, tool: HostTool, args: readonly string[], signal: AbortSignal) => {
  try {
    await inTurn('light', () => runLimited(tool.program, args, light, { signal }));
  } catch (error) {
    signal.throwIfAborted();
    throw toolFailure(error, tool, (said, options) => {
      const [words = ''] = said.split('\n');
      const why = words === '' ? `${tool.program} did not say why` : words;
      return new AppError('not-possible', `${doing} failed: ${why}.`, {}, options);
    });
  }
};

/**
 * A floppy as a PC formats it, with everything in the folder. mcopy follows links: there are none in a folder of ours.
 * `path`: a file of ours that there is not yet. The caller syncs it.
 */
export const writeFloppy = async (
  folder: string,
  path: string,
  { kilobytes, label }: FloppyForm,
  signal: AbortSignal,
): Promise<void> => {
  const image = ['-i', absolute(path)];
  const doing = `Making a floppy of ${kilobytes} KB`;
  await run(doing, mformat, ['-C', '-f', String(kilobytes), '-v', label, ...image, '::'], signal);
  const names = await readdir(absolute(folder));
  const files = names.map((name) => join(folder, name));
  // -Q: ends at the first that does not fit.
  await run(doing, mcopy, ['-s', '-m', '-Q', ...image, '--', ...files, '::/'], signal);
};

/** Everything on the floppy into an empty folder. */
export const readFloppy = (path: string, folder: string, signal: AbortSignal): Promise<void> =>
  run(
    `Reading ${path}`,
    mcopy,
    ['-s', '-n', '-Q', '-i', absolute(path), '--', '::*', absolute(folder)],
    signal,
  );

import { open, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../image-work.ts';
import { absolute } from '../qemu-img.ts';
import { isFull, runHeavily, whileItGrows } from './run-heavily.ts';
import { demandTool, type HostTool } from './tool-failure.ts';

const mformat: HostTool = { program: 'mformat', from: 'mtools' };
const mcopy: HostTool = { program: 'mcopy', from: 'mtools' };
export const demandFatTools = (): void => {
  demandTool(mformat);
  demandTool(mcopy);
};

/** A floppy as a PC formats it, or FAT32 in a part of a file that is there. */
export type FatForm = { readonly label: string } & (
  | { readonly kilobytes: number }
  | { readonly offset: number; readonly length: number; readonly clusterSectors: number }
);

const sector = 512;
/** Names on one command line: its length is limited. */
const namesAtOnce = 400;

const failure =
  (doing: string, { program }: HostTool) =>
  (said: string, options: { cause: unknown }) => {
    const [words = ''] = said.split('\n');
    const why = words === '' ? `${program} did not say why` : words;
    return new AppError(isFull(said) ? 'disk-full' : 'not-possible', `${doing} failed: ${why}.`, {}, options);
  };

const run = (doing: string, tool: HostTool, args: readonly string[], cwd: string, watch: WorkWatch) =>
  runHeavily(tool, args, watch, failure(doing, tool), { cwd, unicode: true });

const shape = (form: FatForm): string[] => {
  if ('kilobytes' in form) return ['-C', '-f', String(form.kilobytes)];
  const { offset, length, clusterSectors } = form;
  // Any disk has "255 heads and 63 sectors" today; -H: sectors before it, by which a boot program finds it.
  const geometry = ['-T', String(length / sector), '-h', '255', '-s', '63', '-H', String(offset / sector)];
  return ['-F', '-c', String(clusterSectors), ...geometry];
};

/** `@@` in a path would be taken for the place in it: tools run where the image lies, and see its bare name. */
const imageIn = (path: string, form: FatForm): readonly [folder: string, image: readonly string[]] => {
  const place = 'kilobytes' in form ? '' : `@@${form.offset}`;
  return [dirname(absolute(path)), ['-i', `${basename(path)}${place}`]];
};

/** mformat notes the file system as a partition of itself, and others would then look for a table that there is not. */
const eraseOwnTable = async (path: string, { offset }: { readonly offset: number }): Promise<void> => {
  const [at, length, copyAt] = [446, 64, 6 * sector];
  const file = await open(path, 'r+');
  try {
    for (const place of [offset, offset + copyAt])
      await file.write(Buffer.alloc(length), 0, length, place + at);
  } finally {
    await file.close();
  }
};

/** Formats, and copies everything in the folder. mcopy follows links: there are none in a folder of ours. The caller syncs. */
export const writeFat = async (
  folder: string,
  path: string,
  form: FatForm,
  bytes: number,
  watch: WorkWatch,
): Promise<void> => {
  const [cwd, image] = imageIn(path, form);
  const doing =
    'kilobytes' in form ? `Making a floppy of ${form.kilobytes} KB` : 'Making a FAT32 file system';
  await run(doing, mformat, [...shape(form), '-v', form.label, ...image, '::'], cwd, watch);
  if (!('kilobytes' in form)) await eraseOwnTable(path, form);
  const files = (await readdir(absolute(folder))).sort().map((name) => `${folder}/${name}`);
  await whileItGrows(path, bytes, watch, async () => {
    for (let at = 0; at < files.length; at += namesAtOnce)
      // -Q: ends at the first that does not fit.
      await run(
        doing,
        mcopy,
        ['-s', '-m', '-Q', ...image, '--', ...files.slice(at, at + namesAtOnce), '::/'],
        cwd,
        watch,
      );
  });
};

/** Everything in it into an empty folder. */
export const readFat = async (
  path: string,
  form: FatForm,
  folder: string,
  watch: WorkWatch,
): Promise<void> => {
  const [cwd, image] = imageIn(path, form);
  const args = ['-s', '-n', '-Q', ...image, '--', '::*', absolute(folder)];
  await run(`Reading ${path}`, mcopy, args, cwd, watch);
};

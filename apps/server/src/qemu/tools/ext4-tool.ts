import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../app-error.ts';
import { findProgram } from '../capabilities.ts';
import type { WorkWatch } from '../image-work.ts';
import { absolute } from '../qemu-img.ts';
import { isFull, runHeavily, whileItGrows } from './run-heavily.ts';
import { demandTool, type HostTool } from './tool-failure.ts';

/** Where tools for administrators are, also when they are not in the path of somebody who is none. */
const adminFolders = '/usr/sbin:/sbin';

const tool = (name: string, folders = adminFolders): HostTool => ({
  program: findProgram(name) ?? findProgram(name, folders) ?? name,
  from: 'e2fsprogs',
});
export const demandExt4Tools = (folders = adminFolders): void => {
  for (const name of ['mke2fs', 'e2fsck', 'debugfs']) demandTool(tool(name, folders));
};

export interface Ext4Form {
  /** In the file. */
  readonly offset: number;
  readonly length: number;
  /** Letters, digits, `_.-`; checked where it comes in. */
  readonly label: string;
  readonly inodes: number;
  /** Every file belongs to root, whoever the server is; otherwise to whom it belongs in the folder. */
  readonly rootOwns: boolean;
}

const failure = (doing: string) => (said: string, options: { cause: unknown }) => {
  const lines = said.split('\n').filter((line) => line !== '' && !/^(mke2fs|e2fsck|debugfs) \d/.test(line));
  const [words = 'the tool did not say why'] = lines;
  return new AppError(isFull(said) ? 'disk-full' : 'not-possible', `${doing} failed: ${words}.`, {}, options);
};

const run = (doing: string, program: HostTool, args: readonly string[], cwd: string, watch: WorkWatch) =>
  runHeavily(program, args, watch, failure(doing), { cwd });

/** `?` in a path would be taken for options: tools run where the image lies, and see its bare name. */
const within = (path: string, offset: number): string => `${basename(path)}?offset=${offset}`;
const firstOwnInode = 12;

const giveToRoot = async (
  path: string,
  offset: number,
  entries: number,
  commands: string,
): Promise<string[]> => {
  const numbers = Array.from({ length: entries }, (_, index) => firstOwnInode + index);
  await writeFile(
    commands,
    numbers.map((number) => `sif <${number}> uid 0\nsif <${number}> gid 0\n`).join(''),
  );
  return ['-w', '-f', commands, within(path, offset)];
};

export interface Ext4Writing {
  readonly folder: string;
  /** A file of its whole length that is there. The caller syncs it. */
  readonly path: string;
  readonly form: Ext4Form;
  readonly bytes: number;
  readonly entries: number;
  /** A name for a file of ours, beside the folder. */
  readonly scratch: string;
}

/** Everything in the folder, links as links. */
export const writeExt4 = async (
  { folder, path, form, bytes, entries, scratch }: Ext4Writing,
  watch: WorkWatch,
): Promise<void> => {
  const { offset, length, label, inodes, rootOwns } = form;
  const doing = 'Making an ext4 file system';
  const cwd = dirname(absolute(path));
  // No part is kept for root: that is for disks that a system works on.
  const shape = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', '-N', String(inodes), '-L', label];
  const options = ['-E', `offset=${offset},root_owner=0:0,nodiscard`, '-d', absolute(folder)];
  const target = [basename(path), `${Math.floor(length / 1024)}k`];
  await whileItGrows(path, bytes, watch, () =>
    run(doing, tool('mke2fs'), [...shape, ...options, ...target], cwd, watch),
  );
  if (!rootOwns || process.getuid?.() === 0) return;
  await run(doing, tool('debugfs'), await giveToRoot(path, offset, entries, scratch), cwd, watch);
};

/** Throws unless the file system is without any fault. */
export const checkExt4 = async (path: string, offset: number, watch: WorkWatch): Promise<void> => {
  const cwd = dirname(absolute(path));
  await run('Checking the ext4 file system', tool('e2fsck'), ['-fn', within(path, offset)], cwd, watch);
};

/** Everything in it into an empty folder. What it could not read it says on no code: the caller compares. */
export const readExt4 = async (
  path: string,
  offset: number,
  folder: string,
  watch: WorkWatch,
): Promise<void> => {
  const into = `"${absolute(folder).replaceAll('"', '""')}"`;
  const cwd = dirname(absolute(path));
  await run(`Reading ${path}`, tool('debugfs'), ['-R', `rdump / ${into}`, within(path, offset)], cwd, watch);
};

import { AppError } from '../../app-error.ts';
import type { WorkWatch } from '../image-work.ts';
import { absolute } from '../qemu-img.ts';
import { isFull, runHeavily, whileItGrows } from './run-heavily.ts';
import { demandTool, type HostTool } from './tool-failure.ts';

const xorriso: HostTool = {
  program: 'xorriso',
  from: 'xorriso (Debian, Fedora, openSUSE), libisoburn (Arch)',
};
export const demandIsoTool = (): void => demandTool(xorriso);

export interface IsoForm {
  /** Letters, digits, `_.-`; checked where it comes in. */
  readonly label: string;
  readonly joliet: boolean;
}

/** No settings of the user's, and names are what they are in the folder, whatever the locale. */
const common = ['-no_rc', '-abort_on', 'FAILURE', '-return_with', 'SORRY', '32', '-local_charset', 'UTF-8'];

const spoken = /^(?:xorriso|libisofs|libburn) : (?:SORRY|FAILURE|FATAL|MISHAP) : (.+)$/m;
const failure = (doing: string) => (said: string, options: { cause: unknown }) => {
  const [, words = 'xorriso did not say why'] = spoken.exec(said) ?? [];
  const code = isFull(said) ? 'disk-full' : 'not-possible';
  return new AppError(code, `${doing} failed: ${words}.`, {}, options);
};

const run = (doing: string, args: readonly string[], watch: WorkWatch): Promise<string> =>
  runHeavily(xorriso, [...common, ...args], watch, failure(doing));

/**
 * Everything in the folder, with Rock Ridge names; links stay links and are never followed. `path`: a file of ours that
 * there is not yet. The caller syncs it.
 */
export const writeIso = (
  folder: string,
  path: string,
  { label, joliet }: IsoForm,
  bytes: number,
  watch: WorkWatch = {},
): Promise<void> => {
  // Level 3: files of 4 GiB and more. -D: folders stay where they are, however deep.
  const names = ['-iso-level', '3', '-D', '-r', '-input-charset', 'UTF-8'];
  const form = [...names, ...(joliet ? ['-J', '-joliet-long'] : []), '-V', label];
  const args = ['-as', 'mkisofs', '-quiet', ...form, '-o', absolute(path), absolute(folder)];
  return whileItGrows(path, bytes, watch, async () => {
    await run(`Making an ISO of ${folder}`, args, watch);
  });
};

/** Owners, rights and times: a disc has its own. */
const ownToDiscs = /^. '.*' \((?:DISK|ISO)\) : st_(?:mode|uid|gid|atime|ctime|mtime|nlink) +:/;
const verdict = /^(?:Differences detected|Both file objects match)/;

/** What differs between the folder and the disc, byte by byte: the first of it as xorriso says it; null: nothing. */
export const isoDiffers = async (
  folder: string,
  path: string,
  watch: WorkWatch = {},
): Promise<string | null> => {
  const args = ['-indev', `stdio:${absolute(path)}`, '-compare_r', absolute(folder), '/', '--'];
  const said = await run(`Comparing ${path} with ${folder}`, args, watch);
  const lines = said.split('\n').filter((line) => line !== '');
  if (!lines.some((line) => verdict.test(line))) return 'xorriso did not compare to the end';
  return lines.find((line) => !verdict.test(line) && !ownToDiscs.test(line)) ?? null;
};

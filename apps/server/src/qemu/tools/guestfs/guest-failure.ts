import type { ErrorCode } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { GuestfishEnded, GuestfishRefusal } from './guestfish.ts';

interface Known {
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly because: string;
}

const known: readonly Known[] = [
  {
    words: /No such file or directory$/,
    code: 'not-found',
    because: 'there is nothing of that name on the disk, or it is a link that leads nowhere',
  },
  { words: /Not a directory$/, code: 'not-possible', because: 'that is no folder' },
  { words: /is a directory$/i, code: 'not-possible', because: 'that is a folder' },
  { words: /File exists$/, code: 'name-taken', because: 'there is something of that name' },
  {
    words: /Too many levels of symbolic links$/,
    code: 'not-possible',
    because: 'its links lead round in a circle',
  },
  { words: /File name too long$/, code: 'not-possible', because: 'the name is too long' },
  {
    words: /No space left on device$/,
    code: 'disk-full',
    because: 'the file system on the disk has no space left',
  },
  {
    words: /Read-only file system$/,
    code: 'not-possible',
    because: 'the file system can only be read: it is damaged, or of a kind that nobody writes',
  },
];

const longestWords = 300;

/** Hostile text: what the appliance says has names of the guest in it. */
const shown = (said: string): string =>
  said.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, longestWords);

/** What came from the appliance, as an error of ours; whatever else was thrown stays as it is. `doing`: “Reading it”. */
export const guestFailure = (doing: string, error: unknown): unknown => {
  const options = { cause: error };
  if (error instanceof GuestfishEnded)
    return new AppError('qemu-unresponsive', `${doing} failed: ${error.message}.`, {}, options);
  if (!(error instanceof GuestfishRefusal)) return error;
  const found = known.find(({ words }) => words.test(error.said.trim()));
  if (found !== undefined) return new AppError(found.code, `${doing} failed: ${found.because}.`, {}, options);
  return new AppError('not-possible', `${doing} failed: ${shown(error.said)}`, {}, options);
};

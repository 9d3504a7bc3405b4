import { AppError } from '../../app-error.ts';

/*
 * Names on a disk are bytes. In the API a path is text where it can be, and base64url where it cannot. Nothing of it ever
 * becomes a path of this machine.
 */

const slash = 0x2f;
const longest = 4096;
const longestName = 255;

/** Null: these bytes are no UTF-8. */
export const textOf = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

/** To be looked at: what is not UTF-8 becomes U+FFFD. */
export const shownText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const partsOf = (path: Buffer): Buffer[] => {
  const parts: Buffer[] = [];
  for (let start = 0; start <= path.length; ) {
    const end = path.indexOf(slash, start);
    const part = path.subarray(start, end < 0 ? path.length : end);
    const text = part.toString('latin1');
    if (text === '..') throw new AppError('invalid-request', 'A path must not lead up (“..”).');
    if (part.length > longestName)
      throw new AppError('invalid-request', `A name has at most ${longestName} bytes.`);
    if (text !== '' && text !== '.') parts.push(part);
    if (end < 0) break;
    start = end + 1;
  }
  return parts;
};

export const joined = (folder: Uint8Array, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(folder), Buffer.from(folder.length === 1 ? '' : '/'), name]);

/** From the root of a volume, without what means nothing in it. */
export const guestPath = ({
  path,
  rawPath,
}: {
  path?: string | undefined;
  rawPath?: string | undefined;
}): Buffer => {
  const bytes = rawPath === undefined ? Buffer.from(path ?? '/') : Buffer.from(rawPath, 'base64url');
  if (bytes[0] !== slash || bytes.includes(0))
    throw new AppError('invalid-request', 'A path begins with “/” and has no zero byte in it.');
  if (bytes.length > longest) throw new AppError('invalid-request', `A path has at most ${longest} bytes.`);
  return Buffer.concat([
    Buffer.from('/'),
    ...partsOf(bytes).flatMap((part, at) => [Buffer.from(at === 0 ? '' : '/'), part]),
  ]);
};

export const isRoot = (path: Uint8Array): boolean => path.length === 1;
/** The last part; of the root nothing. */
export const nameOf = (path: Uint8Array): Buffer => {
  const bytes = Buffer.from(path);
  return bytes.subarray(bytes.lastIndexOf(slash) + 1);
};

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fchmodSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** 256 bits, safe in a header, a link and a shell. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Compared as hashes: of equal length whatever was sent, and in constant time. */
export const createTokenCheck = (token: string): ((given: string) => boolean) => {
  const expected = hashOf(token);
  return (given) => timingSafeEqual(hashOf(given), expected);
};

const wellFormed = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token of this data folder: made at the first start and kept in a private file, so that an open page
 * stays logged in when the server restarts.
 */
export const loadToken = (dataDir: string): string => {
  const path = join(dataDir, 'token');
  try {
    const kept = readFileSync(path, 'utf8').trim();
    if (wellFormed.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = newSecret();
  const file = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    fchmodSync(file, 0o600);
    writeSync(file, `${token}\n`);
  } finally {
    closeSync(file);
  }
  return token;
};

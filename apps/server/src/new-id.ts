import { randomInt } from 'node:crypto';

const alphabet = '0123456789abcdefghijkmnpqrstuvwxyz';

/** A short, opaque, unguessable-enough name for a thing: 12 characters of base 34 (61 bits). */
export const newId = (): string =>
  Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('');

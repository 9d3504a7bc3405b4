/*
 * What is put into a command of guestfish. Nothing of it is ever read as syntax: each byte is written as `\xNN` between
 * double quotes, so that a quote, a line end, a `|` or a `$` in a name is only a byte of that name.
 */

/** A path or a name, as an argument. */
export const word = (bytes: Uint8Array | string): string => {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : Buffer.from(bytes);
  if (buffer.includes(0)) throw new Error('a name without an end cannot be told to guestfish');
  const escaped = [...buffer].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return `"${escaped.join('')}"`;
};

/** A whole number that cannot be another option. */
export const count = (value: number): string => {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no number of bytes`);
  return String(value);
};

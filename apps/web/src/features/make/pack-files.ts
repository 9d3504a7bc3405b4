/** A file that was chosen, and where it shall lie in the image. */
export interface ChosenFile {
  readonly path: string;
  readonly file: File;
}

/** All that was chosen. Folders are named only where nothing is in them. */
export interface Chosen {
  readonly files: readonly ChosenFile[];
  readonly emptyFolders: readonly string[];
}

const block = 512;
const longestField = 100;
const mostOctal = 8 ** 11 - 1;
const encoder = new TextEncoder();

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

const header = (name: string, type: '0' | '5' | 'x', size: number, modified: number): Uint8Array => {
  const bytes = new Uint8Array(block);
  const put = (at: number, text: string): void => bytes.set(encoder.encode(text), at);
  bytes.set(encoder.encode(name).subarray(0, longestField), 0);
  put(100, octal(type === '5' ? 0o755 : 0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(Math.min(size, mostOctal), 11));
  put(136, octal(Math.max(0, Math.min(Math.floor(modified / 1000), mostOctal)), 11));
  put(148, ' '.repeat(8));
  put(156, type);
  put(257, 'ustar\u000000');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)} `);
  return bytes;
};

const padding = (size: number): Uint8Array => new Uint8Array((block - (size % block)) % block);

/** `27 path=a/b\n`: its length counts the digits that say it. */
const record = (key: string, value: string): string => {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return `${length} ${key}=${value}\n`;
};

/** What a header of old has no room for stands before it. */
const extended = (path: string, size: number): Uint8Array[] => {
  const long = encoder.encode(path).length > longestField || /[^\x20-\x7e]/.test(path);
  const text = [long ? record('path', path) : '', size > mostOctal ? record('size', String(size)) : ''].join(
    '',
  );
  if (text === '') return [];
  const bytes = encoder.encode(text);
  return [header('long', 'x', bytes.length, 0), bytes, padding(bytes.length)];
};

/**
 * One file, which is a tar of all that was chosen: it travels as any other upload does, and can be paused and resumed. Nothing is
 * read before it is sent.
 */
export const packFiles = ({ files, emptyFolders }: Chosen, name: string): File => {
  const parts: BlobPart[] = [];
  for (const folder of emptyFolders)
    for (const part of [...extended(`${folder}/`, 0), header(`${folder}/`, '5', 0, 0)])
      parts.push(new Uint8Array(part));
  for (const { path, file } of files) {
    const before = [...extended(path, file.size), header(path, '0', file.size, file.lastModified)];
    for (const part of before) parts.push(new Uint8Array(part));
    parts.push(file, new Uint8Array(padding(file.size)));
  }
  parts.push(new Uint8Array(2 * block));
  return new File(parts, name, { type: 'application/x-tar' });
};

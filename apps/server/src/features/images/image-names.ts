import { access } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';

/**
 * A readable file name from what a person calls a thing: `[A-Za-z0-9._-]`, beginning with a letter or digit, so
 * that it is never an option, a protocol or hidden (security.md, "File names").
 */
export const slug = (name: string): string => {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/ß/g, 'ss')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 60)
    .replace(/[^A-Za-z0-9]+$/, '');
  return plain === '' ? 'image' : plain;
};

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Without the extension that is added again: `disk.qcow2` and `disk` both become `disk.qcow2`. */
const withoutExtension = (stem: string, extension: string): string =>
  stem.toLowerCase().endsWith(`.${extension}`) ? stem.slice(0, -extension.length - 1) : stem;

export const stemOf = (path: string): string => basename(path, extname(path));

const imageExtension = /\.(qcow2?|raw|img|vmdk|vdi|vhdx?|vpc|iso)$/i;
/** By what two names are told apart: `Demo-2` and the file `demo-2.qcow2`, shown by its name, look the same. */
export const shownStem = (name: string): string => name.replace(imageExtension, '').toLowerCase();

/** Paths to try, in order: `name.qcow2`, `name-2.qcow2`, … Whoever creates the file does so exclusively. */
export function* candidatePaths(folder: string, name: string, extension: string): Generator<string> {
  const stem = withoutExtension(slug(name), extension);
  yield join(folder, `${stem}.${extension}`);
  for (let number = 2; number < 10_000; number += 1) yield join(folder, `${stem}-${number}.${extension}`);
}

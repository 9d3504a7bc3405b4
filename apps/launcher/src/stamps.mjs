import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const skipped = new Set(['node_modules', 'dist', '.cache', '.git', 'test-results']);

const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !skipped.has(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });

/**
 * SHA-256 over names and contents, so that a checkout of the same sources has the same stamp.
 * @param {string} root
 * @param {{ files?: string[], folders?: string[], ignore?: (path: string) => boolean, words?: string[] }} what
 */
export const hashOf = (root, { files = [], folders = [], ignore = () => false, words = [] }) => {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`${word}\0`);
  const paths = [
    ...files.map((file) => join(root, file)),
    ...folders.flatMap((folder) => filesBelow(join(root, folder))),
  ];
  for (const path of paths.filter((path) => !ignore(path))) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
};

/** Runs `work` unless it succeeded before with the same hash and its result is still `there`. */
export const unlessUnchanged = async (stampFile, hash, work, there = true) => {
  let last = '';
  try {
    last = readFileSync(stampFile, 'utf8');
  } catch {
    // Never done here.
  }
  if (last === hash && there) return;
  await work();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, hash);
};

import { relative } from 'node:path';

/**
 * How a header names the layer below: relative to the overlay's folder, as QEMU resolves it (qemu-recipes.md, rule 1).
 * `a:b` alone would be a protocol.
 */
export const relativeBacking = (folder: string, backing: string): string => {
  const name = relative(folder, backing);
  return /^[^/]*:/.test(name) ? `./${name}` : name;
};

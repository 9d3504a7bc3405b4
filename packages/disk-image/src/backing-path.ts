import { dirname } from 'node:path';
import { hasControlCharacters } from './header-reader.ts';

export type BackingTarget =
  /** Absolute; `..` is left for the kernel to resolve, as it does for QEMU (links count). */
  | { readonly kind: 'file'; readonly path: string }
  /** Not a file: a network address, a `json:` description, a device protocol. Never followed. */
  | { readonly kind: 'foreign'; readonly reason: string };

/** QEMU's `path_has_protocol` (block.c): a colon before the first slash. */
const protocolOf = (text: string): string | null => /^([^:/]*):/.exec(text)?.[1] ?? null;

/**
 * Where a backing string leads, as QEMU resolves it: relative to the folder of the file that names it, unless it
 * is absolute or has a protocol. `file:` is stripped by QEMU and what follows taken as it is, relative to the
 * folder QEMU runs in; so only an absolute path after it means anything.
 */
export const resolveBacking = (overlayPath: string, backing: string): BackingTarget => {
  if (backing === '' || hasControlCharacters(backing)) return { kind: 'foreign', reason: 'is no file name' };
  const protocol = protocolOf(backing);
  if (protocol === 'file') {
    const rest = backing.slice('file:'.length);
    if (rest.startsWith('/')) return { kind: 'file', path: rest };
    return { kind: 'foreign', reason: 'depends on the folder QEMU runs in' };
  }
  if (protocol === 'json') return { kind: 'foreign', reason: 'is a description in JSON, not a file name' };
  if (protocol !== null) return { kind: 'foreign', reason: `uses the protocol "${protocol}"` };
  if (backing.startsWith('/')) return { kind: 'file', path: backing };
  return { kind: 'file', path: `${dirname(overlayPath)}/${backing}` };
};

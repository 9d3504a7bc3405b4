/** Paths of files that become files of an image, and names that its file system can hold: said alike in page and server. */

export const mostMadeEntries = 50_000;
export const mostFatEntries = 10_000;
export const mostFloppyEntries = 200;
/** Names of one folder whose short names for DOS begin alike: each is looked for among all of them. */
export const mostAlikeOnFat = 400;
/** FAT counts the bytes of a file with 32 bits. */
export const mostFatFile = 4 * 1024 ** 3 - 1;
const longestPath = 900;

/** As UTF-8. Throws for half a pair: that is looked for before. */
const bytesOf = (text: string): number => encodeURIComponent(text).replace(/%../g, '.').length;

/** Why a relative path of a stranger cannot be that of a file; null: it can. */
export const pathProblem = (path: string): string | null => {
  if (path === '' || path.startsWith('/')) return 'is no relative path';
  if (/[\p{Cc}\p{Cs}\ufffd]/u.test(path)) return 'has control characters, or is no UTF-8 text';
  if (bytesOf(path) > longestPath) return 'is too long';
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return 'leads out of its folder';
  return parts.some((part) => bytesOf(part) > 255) ? 'has a name of more than 255 bytes' : null;
};

const dosDevice = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** Why FAT, or a system that reads it, cannot have a file of this name; null: it can. */
export const fatNameProblem = (name: string, plain: boolean): string | null => {
  if (/["*/:<>?\\|]/.test(name)) return 'has one of the signs " * : < > ? \\ |';
  if (/^ |[. ]$/.test(name)) return 'begins with a blank, or ends in a dot or a blank';
  if (dosDevice.test(name)) return 'is the name of a device there';
  if (plain && !/^[\x20-\x7e]{1,100}$/.test(name)) return 'has more than plain letters, digits and signs';
  // Characters outside of the first plane take two places, and old readers fail at them.
  return name.length > 250 || /[\u{10000}-\u{10ffff}]/u.test(name)
    ? 'is too long, or has signs that FAT cannot tell'
    : null;
};

/** Two paths that differ in capital letters only; null: there are none. */
export const caseCollision = (paths: Iterable<string>): readonly [string, string] | null => {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const folded = path.toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) return [other, path];
    seen.set(folded, path);
  }
  return null;
};

const plainDosName = /^[A-Z0-9_~!#$%&'()@^`{}-]{1,8}(\.[A-Z0-9_~!#$%&'()@^`{}-]{1,3})?$/;

/** What the short name for DOS begins with; null: the name is short itself. */
const shortBeginning = (name: string): string | null => {
  const upper = name.toUpperCase();
  if (plainDosName.test(upper)) return null;
  const [stem = '', ending = ''] = [upper.replace(/\.[^.]*$/, ''), /\.([^.]*)$/.exec(upper)?.[1] ?? ''];
  return `${stem.replace(/[ .]/g, '').slice(0, 6)}.${ending.slice(0, 3)}`;
};

/** A folder (`''`: the root) with more names that begin alike than FAT copes with; null: there is none. */
export const tooManyAlike = (paths: Iterable<string>): string | null => {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const at = path.lastIndexOf('/') + 1;
    const beginning = shortBeginning(path.slice(at));
    if (beginning === null) continue;
    const key = `${path.slice(0, at)}/${beginning}`;
    const count = (counts.get(key) ?? 0) + 1;
    if (count > mostAlikeOnFat) return path.slice(0, Math.max(0, at - 1));
    counts.set(key, count);
  }
  return null;
};

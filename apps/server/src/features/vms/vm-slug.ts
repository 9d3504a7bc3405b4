/** A readable file name of a display name: letters, digits, `.`, `_`, `-`, never first a dot or a dash. */
export const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 60) || 'image';

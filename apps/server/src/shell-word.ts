/**
 * A word that a POSIX shell reads back as exactly this text. Quoted only where it must be: a command line is
 * there to be read as well.
 */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

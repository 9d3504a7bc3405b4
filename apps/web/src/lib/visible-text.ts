/** What a stranger wrote, cut into what can be read and what would be invisible or turn the text around. */
export interface TextPart {
  readonly text: string;
  readonly isMark: boolean;
}

/**
 * Control characters, line separators, half surrogate pairs, and the invisible ones that format: among these are the
 * bidirectional overrides, by which `exe.txt` would read `txt.exe`. The two joiners stay: scripts and emoji need them.
 */
const hidden = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const edgeSpace = /^\p{Zs}+|\p{Zs}+$/gu;

const markOf = (char: string): string =>
  `‹U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;

const spaceMark = (spaces: string): string => '·'.repeat([...spaces].length);

const cut = (text: string, pattern: RegExp, mark: (found: string) => string): TextPart[] => {
  const parts: TextPart[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (index > from) parts.push({ text: text.slice(from, index), isMark: false });
    parts.push({ text: mark(found), isMark: true });
    from = index + found.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), isMark: false });
  return parts;
};

/** A name in one line: nothing in it is invisible, and a space at its edge shows. */
export const nameParts = (name: string): TextPart[] =>
  cut(name, hidden, markOf).flatMap((part) => (part.isMark ? [part] : cut(part.text, edgeSpace, spaceMark)));

export const visibleName = (name: string): string =>
  nameParts(name)
    .map(({ text }) => text)
    .join('');

/** The same within a sentence of ours, which a name in letters from right to left must not reorder. */
export const quotedName = (name: string): string => `\u2068${visibleName(name)}\u2069`;

/** Lines of a file: they and their tabs stay, all else that cannot be seen is shown. */
export const visibleLines = (text: string): string =>
  text
    .replace(/\r\n/g, '\n')
    .replace(hidden, (char) => (char === '\n' || char === '\t' ? char : markOf(char)));

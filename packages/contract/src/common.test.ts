import { expect, it } from 'vitest';
import { displayName, notesText } from './common.ts';

it('takes lines and tabs in notes, and makes one kind of line end of all', () => {
  expect(notesText.parse('a\r\nb\rc\td')).toBe('a\nb\nc\td');
  expect(notesText.parse('日本 🦊')).toBe('日本 🦊');
});

it.each(['\0', '\x1b[31m', '\x7f', '\ud800', 'a\udc00'])('refuses %j in notes and names', (text) => {
  expect(notesText.safeParse(text).success).toBe(false);
  expect(displayName.safeParse(`x${text}`).success).toBe(false);
});

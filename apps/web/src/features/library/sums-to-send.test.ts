import { expect, it } from 'vitest';
import { sumsToSend } from './sums-to-send.ts';

const image = { name: 'Debian', path: '/images/debian.iso' };

it('sends what was pasted, and of a list too long for one request the lines that name the file', () => {
  expect(sumsToSend('  abc \n', image)).toBe('abc');
  const others = Array.from({ length: 2000 }, (_, index) => `${'0'.repeat(64)}  other-${index}.iso`);
  expect(sumsToSend([...others, `${'1'.repeat(64)}  debian.iso`].join('\n'), image)).toBe(
    `${'1'.repeat(64)}  debian.iso`,
  );
  expect(sumsToSend(others.join('\n'), image)).toHaveLength(60_000);
});

import { parseSize } from '../../lib/format.ts';

/** `20G`, or `+2G` for so much more than now; null when it is no size of a disk. */
export const wantedSize = (text: string, before: number): number | null => {
  const more = /^\s*\+(.*)$/.exec(text);
  const size = parseSize(more === null ? text : (more[1] ?? ''));
  const wanted = size === null ? null : more === null ? size : before + size;
  return wanted === null || wanted <= 0 || wanted % 512 !== 0 || wanted > 64 * 1024 ** 4 ? null : wanted;
};

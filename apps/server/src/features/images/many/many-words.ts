import type { LeftOut } from '@strata/contract';

export const counted = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${many}`;

const namesShown = 3;

export const named = (list: readonly { readonly name: string }[]): string => {
  const names = list.slice(0, namesShown).map(({ name }) => `“${name}”`);
  const more = list.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
};

/** `doing`: "checked". */
export const leftOutWords = (leftOut: readonly LeftOut[], doing: string): string[] =>
  leftOut.length === 0
    ? []
    : [`${counted(leftOut.length, 'image was', 'images were')} not ${doing}: ${named(leftOut)}.`];

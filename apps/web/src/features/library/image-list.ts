import type { Image } from '@strata/contract';

export const sortColumns = [
  'name',
  'format',
  'role',
  'size',
  'stored',
  'backing',
  'overlays',
  'usedBy',
  'modified',
] as const;
export type SortColumn = (typeof sortColumns)[number];
export interface Sorting {
  readonly column: SortColumn;
  readonly descending: boolean;
}

/** Words of the search must all be found, in name, path, format or the names of who uses it. */
export function matches(image: Image, search: string): boolean {
  const text = [image.name, image.path, image.format, image.role, ...image.usedBy.map(({ name }) => name)]
    .join('\n')
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Found and sorted; images with problems always first, because that is what one comes for then. */
export function listImages(
  images: readonly Image[],
  search: string,
  { column, descending }: Sorting,
  nameOf: (id: string) => string,
): Image[] {
  const compare = comparers(nameOf)[column];
  return images
    .filter((image) => matches(image, search))
    .sort(
      (a, b) =>
        Number(hasProblem(b)) - Number(hasProblem(a)) ||
        compare(a, b) * (descending ? -1 : 1) ||
        byText(a.name, b.name) ||
        byText(nameOf(a.id), nameOf(b.id)),
    );
}

/** What to show of an image's problems: that a chain is deep is said at its top, not again in all layers below. */
export const problemsOf = (image: Image): Image['problems'] =>
  image.problems.filter(({ code }) => code !== 'chain-deep' || image.overlays.length === 0);

export const hasProblem = (image: Image): boolean =>
  problemsOf(image).length > 0 || (!image.present && image.leftAlone !== true);

const mendable = new Set([
  'backing-missing',
  'backing-outside',
  'backing-cycle',
  'backing-format-missing',
  'backing-format-wrong',
  'check-leaks',
  'check-errors',
  'corrupt',
]);

/** Whether one of its problems has a repair that Strata can carry out. */
export const isRepairable = (image: Image): boolean =>
  image.present &&
  (image.leftAlone === true ||
    image.problems.some(
      ({ code }) => mendable.has(code) || (code === 'unsafe' && image.backing?.state === 'foreign'),
    ));

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byText = (a: string, b: string) => collator.compare(a, b);

type Compare = (a: Image, b: Image) => number;

const comparers = (nameOf: (id: string) => string): Record<SortColumn, Compare> => ({
  name: (a, b) => byText(a.name, b.name),
  format: (a, b) => byText(a.format, b.format),
  role: (a, b) => byText(a.role, b.role),
  size: (a, b) => a.virtualSize - b.virtualSize,
  stored: (a, b) => a.allocatedSize - b.allocatedSize,
  backing: (a, b) => byText(nameOf(a.backingId ?? ''), nameOf(b.backingId ?? '')),
  overlays: (a, b) => a.overlays.length - b.overlays.length,
  usedBy: (a, b) => a.usedBy.length - b.usedBy.length,
  modified: (a, b) => a.modifiedAt.localeCompare(b.modifiedAt),
});

/** Why it cannot be deleted, as names; null when nothing stands on it. */
export function standsOn(image: Image): string | null {
  const names = [...new Set(image.usedBy.map(({ name }) => name))];
  if (names.length === 0) return null;
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} +${names.length - 3}` : shown;
}

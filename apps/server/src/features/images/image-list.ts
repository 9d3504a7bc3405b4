import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';

export interface ImageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly q?: string | undefined;
  readonly sort?: string | undefined;
}

/** By what the list can be searched and sorted: known of every image without looking at what stands on it. */
export interface ListedImage {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly format: string;
  readonly virtualSize: number;
  readonly allocatedSize: number;
  /** Milliseconds. */
  readonly modifiedAt: number;
}

/** One for all: `localeCompare` with a locale makes a new one at each call. */
const { compare: text } = new Intl.Collator('en', { numeric: true });

type Order = (one: ListedImage, other: ListedImage) => number;
const orders: Record<string, Order> = {
  name: (one, other) => text(one.name, other.name),
  path: (one, other) => text(one.path, other.path),
  format: (one, other) => text(one.format, other.format),
  virtualSize: (one, other) => one.virtualSize - other.virtualSize,
  allocatedSize: (one, other) => one.allocatedSize - other.allocatedSize,
  modifiedAt: (one, other) => one.modifiedAt - other.modifiedAt,
};

const orderOf = (sort: string): Order => {
  const descending = sort.startsWith('-');
  const order = orders[descending ? sort.slice(1) : sort];
  if (order === undefined) {
    const message = `must be one of ${Object.keys(orders).join(', ')}, with - before it for the other way round`;
    throw new AppError('invalid-request', `The list cannot be sorted by "${sort}".`, {
      errors: [{ path: 'sort', message }],
    });
  }
  return (one, other) => (descending ? -1 : 1) * order(one, other) || text(one.id, other.id);
};

export interface ImagePage {
  readonly items: Image[];
  readonly total: number;
  readonly nextCursor?: string;
}

/** The part of the list that was asked for; only that is looked at closely. The cursor is the last id that was answered. */
export const pageOf = (
  listed: readonly ListedImage[],
  query: ImageQuery,
  view: (ids: readonly string[]) => Image[],
): ImagePage => {
  const wanted = query.q?.toLowerCase();
  const matching = wanted
    ? listed.filter(({ name, path }) => `${name}\n${path}`.toLowerCase().includes(wanted))
    : [...listed];
  matching.sort(orderOf(query.sort ?? 'name'));
  const after = query.cursor === undefined ? 0 : matching.findIndex(({ id }) => id === query.cursor) + 1;
  const ids = matching.slice(after, after + (query.limit ?? matching.length)).map(({ id }) => id);
  const last = ids.at(-1);
  const more = after + ids.length < matching.length && last !== undefined;
  return { items: view(ids), total: matching.length, ...(more ? { nextCursor: last } : {}) };
};

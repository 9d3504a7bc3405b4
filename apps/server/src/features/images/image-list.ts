import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';

export interface ImageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly q?: string | undefined;
  readonly sort?: string | undefined;
}

const text = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true });

const orders: Record<string, (one: Image, other: Image) => number> = {
  name: (one, other) => text(one.name, other.name),
  path: (one, other) => text(one.path, other.path),
  format: (one, other) => text(one.format, other.format),
  virtualSize: (one, other) => one.virtualSize - other.virtualSize,
  allocatedSize: (one, other) => one.allocatedSize - other.allocatedSize,
  modifiedAt: (one, other) => text(one.modifiedAt, other.modifiedAt),
};

const orderOf = (sort: string): ((one: Image, other: Image) => number) => {
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

/** The part of the list that was asked for. The cursor is the id of the last one that was answered. */
export const pageOf = (images: readonly Image[], query: ImageQuery): ImagePage => {
  const wanted = query.q?.toLowerCase();
  const matching = wanted
    ? images.filter(({ name, path }) => `${name}\n${path}`.toLowerCase().includes(wanted))
    : [...images];
  matching.sort(orderOf(query.sort ?? 'name'));
  const after = query.cursor === undefined ? 0 : matching.findIndex(({ id }) => id === query.cursor) + 1;
  const items = matching.slice(after, after + (query.limit ?? matching.length));
  const last = items.at(-1);
  const more = after + items.length < matching.length && last !== undefined;
  return { items, total: matching.length, ...(more ? { nextCursor: last.id } : {}) };
};

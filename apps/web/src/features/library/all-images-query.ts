import { endpoints, type Image } from '@strata/contract';
import { queryOptions } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { imagesQuery } from '../../api/queries.ts';

const page = 1000;

/** The whole library, however many pages. The key is the list's, so that events are written into it. */
export const allImagesQuery = () =>
  queryOptions({
    queryKey: imagesQuery().queryKey,
    queryFn: async ({ signal }) => {
      const items: Image[] = [];
      for (let cursor: string | undefined; ; ) {
        const query = { limit: page, ...(cursor === undefined ? {} : { cursor }) };
        const answer = await call(endpoints.listImages, { query, signal });
        items.push(...answer.items);
        cursor = answer.nextCursor;
        if (cursor === undefined) return { items, total: answer.total };
      }
    },
  });

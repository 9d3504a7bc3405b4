import { type InsideEntry, insideEndpoints } from '@strata/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { askedPath, type InsidePath } from './inside-path.ts';

/** A folder of a volume of a session. */
export interface InsideFolder {
  readonly sid: string;
  readonly volume: string;
  readonly place: InsidePath;
}

/** Something to read comes soon; the rest in the largest pieces that the server answers. */
const firstPage = 200;
const nextPage = 1000;

export const entriesKey = ({ sid, volume, place }: InsideFolder) =>
  [...keys.insideSession(sid), 'entries', volume, place.rawPath ?? place.path] as const;

/** What lies in a folder, a page after the other: more when they are scrolled to, or all when that is asked for. */
export function useEntries(folder: InsideFolder) {
  const query = useInfiniteQuery({
    queryKey: entriesKey(folder),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      call(insideEndpoints.listInsideEntries, {
        params: { sid: folder.sid },
        query: {
          ...askedPath(folder.place),
          volume: folder.volume,
          ...(pageParam === undefined ? { limit: firstPage } : { limit: nextPage, after: pageParam }),
        },
        signal,
      }),
    getNextPageParam: ({ next }) => next,
  });
  const { data, hasNextPage, isFetchingNextPage, isError, fetchNextPage } = query;
  const [wantsAll, setWantsAll] = useState(false);
  const entries = useMemo<InsideEntry[]>(() => data?.pages.flatMap((page) => page.entries) ?? [], [data]);
  useEffect(() => {
    if (isError) setWantsAll(false);
    else if (wantsAll && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [wantsAll, hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  return {
    query,
    entries,
    total: data?.pages.at(-1)?.total ?? 0,
    isComplete: data !== undefined && !hasNextPage,
    isLoadingAll: wantsAll && hasNextPage,
    setWantsAll,
    loadMore: () => {
      if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
    },
  };
}

import { type InsideSession, insideEndpoints } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { call } from '../../api/call.ts';
import { insideQuery, keys } from '../../api/queries.ts';

/** What is looked at: an image, or a snapshot inside its file. */
export interface InsideSubject {
  readonly imageId: string;
  readonly tag: string | null;
}

export type Look =
  | { readonly kind: 'opening' }
  | { readonly kind: 'refused'; readonly error: unknown }
  | { readonly kind: 'open'; readonly session: InsideSession }
  | { readonly kind: 'ended' | 'closed' };

/**
 * The session of a page: one that is there for the same image, or a new one. Whoever opens the page wants to look
 * inside, so the first begins by itself; one that has ended begins again only when asked for.
 */
export function useInsideSession({ imageId, tag }: InsideSubject) {
  const client = useQueryClient();
  const list = useQuery(insideQuery());
  const [mine, setMine] = useState<string | null>(null);
  const [isClosed, setClosed] = useState(false);
  const session = list.data?.items.find((each) =>
    mine === null
      ? each.imageId === imageId && each.tag === tag && each.state !== 'failed'
      : each.id === mine,
  );
  const keep = (opened: InsideSession) => {
    client.setQueryData(insideQuery().queryKey, (known) =>
      known === undefined || known.items.some(({ id }) => id === opened.id)
        ? known
        : { items: [...known.items, opened], total: known.total + 1 },
    );
    setMine(opened.id);
    setClosed(false);
  };
  const end = async (id: string) => {
    await call(insideEndpoints.closeInside, { params: { sid: id } });
    await client.invalidateQueries({ queryKey: [...keys.inside, 'list'] });
  };
  const open = useMutation({
    mutationFn: async (writable: boolean) => {
      // Two sessions of one image would be two views of it: the other one goes first.
      if (session !== undefined) await end(session.id);
      const body = { writable, ...(tag === null ? {} : { tag }) };
      return call(insideEndpoints.lookInside, { params: { id: imageId }, body });
    },
    onSuccess: keep,
  });
  const close = useMutation({ mutationFn: end, onMutate: () => setClosed(true) });
  const begin = useRef(() => {});
  begin.current = () => {
    if (session === undefined) open.mutate(false);
    else if (mine === null) setMine(session.id);
  };
  const isKnown = list.data !== undefined;
  const hasBegun = useRef(false);
  useEffect(() => {
    if (!isKnown || hasBegun.current) return;
    hasBegun.current = true;
    begin.current();
  }, [isKnown]);
  return { look: lookOf(), open, close };

  function lookOf(): Look {
    if (list.isError && !isKnown) return { kind: 'refused', error: list.error };
    if (open.isPending) return { kind: 'opening' };
    if (isClosed) return { kind: 'closed' };
    if (session !== undefined) return { kind: 'open', session };
    if (open.isError) return { kind: 'refused', error: open.error };
    return mine === null ? { kind: 'opening' } : { kind: 'ended' };
  }
}

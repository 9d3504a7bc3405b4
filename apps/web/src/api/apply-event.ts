import type { ServerEvent } from '@strata/contract';
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { keys } from './queries.ts';

interface Item {
  id: string;
}
interface ItemList {
  items: Item[];
  total: number;
}

/**
 * Brings the cache to what an event says: a thing that comes along is written into it, the rest is handed to
 * `invalidate` (which may gather several before it asks the server again).
 */
export function applyEvent(
  client: QueryClient,
  event: ServerEvent,
  invalidate: (key: QueryKey) => void,
): void {
  switch (event.type) {
    case 'hello':
    case 'resync':
      return;
    case 'vm':
      applyItem(client, event, keys.vms, keys.vm(event.id), invalidate, 'last');
      invalidate(keys.vmLog(event.id));
      invalidate(keys.vmCommand(event.id));
      return;
    case 'image':
      applyItem(client, event, keys.images, keys.image(event.id), invalidate, 'last');
      // What a layer holds changes the drawings of every chain it is in.
      invalidate([...keys.images, 'chain']);
      invalidate([...keys.images, 'map']);
      invalidate(keys.forest);
      // And whether a VM has written since its snapshot.
      invalidate(['snapshots']);
      return;
    case 'snapshot': {
      const vmId = (event.data as { vmId?: string } | undefined)?.vmId;
      invalidate(vmId ? keys.snapshots(vmId) : ['snapshots']);
      invalidate([...keys.images, 'chain']);
      return;
    }
    case 'operation':
      applyItem(client, event, keys.operations, keys.operation(event.id), invalidate, 'first');
      return;
    case 'host':
      if (event.data === undefined) invalidate(keys.host);
      else client.setQueryData(keys.host, event.data);
      return;
    case 'folder':
      invalidate(keys.folders);
      return;
    case 'trash':
      invalidate(keys.trash);
      return;
  }
}

function applyItem(
  client: QueryClient,
  event: ServerEvent,
  prefix: readonly [string],
  oneKey: QueryKey,
  invalidate: (key: QueryKey) => void,
  newGoes: 'first' | 'last',
): void {
  const listKey = [...prefix, 'list'];
  if (event.change === 'deleted') {
    client.setQueryData<ItemList>(listKey, (list) => list && withoutItem(list, event.id));
    client.removeQueries({ queryKey: oneKey, exact: true, type: 'inactive' });
    return;
  }
  if (event.data === undefined) {
    invalidate(listKey);
    invalidate(oneKey);
    return;
  }
  const item = event.data as Item;
  // An answer on its way may be older than this event and would win: ask again after it.
  for (const key of [listKey, oneKey]) if (client.isFetching({ queryKey: key, exact: true })) invalidate(key);
  client.setQueryData(oneKey, item);
  client.setQueryData<ItemList>(listKey, (list) => list && withItem(list, item, newGoes));
}

function withoutItem(list: ItemList, id: string): ItemList {
  const items = list.items.filter((item) => item.id !== id);
  return items.length === list.items.length ? list : { ...list, items, total: Math.max(0, list.total - 1) };
}

function withItem(list: ItemList, item: Item, newGoes: 'first' | 'last'): ItemList {
  const index = list.items.findIndex((each) => each.id === item.id);
  if (index !== -1) return { ...list, items: list.items.with(index, item) };
  const items = newGoes === 'first' ? [item, ...list.items] : [...list.items, item];
  return { ...list, items, total: list.total + 1 };
}

import type { Image, Operation, ServerEvent, Vm } from '@strata/contract';
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { keys } from './queries.ts';

interface Item {
  id: string;
}
interface ItemList {
  items: Item[];
  total: number;
}

/** What takes space, or stands on something that does. */
const changesUsage: ReadonlySet<ServerEvent['type']> = new Set([
  'image',
  'vm',
  'snapshot',
  'folder',
  'trash',
  'upload',
  'operation',
]);

/**
 * Brings the cache to what an event says: a thing that comes along is written into it, the rest is handed to
 * `invalidate` (which may gather several before it asks the server again).
 */
export function applyEvent(
  client: QueryClient,
  event: ServerEvent,
  invalidate: (key: QueryKey) => void,
): void {
  if (changesUsage.has(event.type)) invalidate(keys.usage);
  switch (event.type) {
    case 'hello':
    case 'resync':
      return;
    case 'vm':
      // What runs, or sleeps, holds layers: so a snapshot may be deleted, or may not.
      if (stateChanged(client, event)) invalidate(['snapshots']);
      applyItem(client, event, keys.vms, keys.vm(event.id), invalidate, 'last');
      rememberPicture(client, event);
      if (event.change === 'deleted') return;
      invalidate(keys.vmLog(event.id));
      invalidate(keys.vmCommand(event.id));
      return;
    case 'image':
      noteGone(event);
      // A file that is gone, or back, is a problem of the VMs above it, or no longer one.
      if (healthChanged(client, event)) {
        invalidate([...keys.vms, 'list']);
        invalidate([...keys.vms, 'one']);
      }
      applyItem(client, event, keys.images, keys.image(event.id), invalidate, 'last');
      // What a layer holds changes the drawings of every chain it is in.
      invalidate([...keys.images, 'chain']);
      invalidate([...keys.images, 'map']);
      invalidate([...keys.images, 'contents']);
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
      if (madeAFile(event)) invalidate(keys.downloads);
      applyItem(client, event, keys.operations, keys.operation(event.id), invalidate, 'first');
      return;
    case 'host':
      if (event.data === undefined) invalidate(keys.host);
      else client.setQueryData(keys.host, event.data);
      return;
    case 'folder':
      invalidate(keys.folders);
      return;
    case 'export':
      applyItem(client, event, keys.exports, [...keys.exports, 'one', event.id], invalidate, 'last');
      return;
    case 'inside':
      applyItem(client, event, keys.inside, keys.insideSession(event.id), invalidate, 'last');
      return;
    case 'upload':
      applyItem(client, event, keys.uploads, keys.upload(event.id), invalidate, 'last');
      return;
    case 'trash':
      invalidate(keys.trash);
      // What is deleted for good no longer locks what it stood on.
      invalidate([...keys.images, 'chain']);
      return;
  }
}

/** An operation that has ended, of the kinds that make something to be fetched. */
const madeAFile = ({ data }: ServerEvent): boolean =>
  (data as Partial<Operation> | undefined)?.result?.downloadId !== undefined;

const goneImages = new Set<string>();

/** An operation that ends speaks of all its layers, of those that it has merged away as well: that brings none back. */
function noteGone({ id, change, data }: ServerEvent): void {
  if (change === 'deleted') goneImages.add(id);
  else if (change === 'created' || data !== undefined) goneImages.delete(id);
}

/** Of an image that the events said is deleted: whoever still shows it learns by other events what to show instead. */
export function isOfGoneImage([first, part, id]: QueryKey): boolean {
  return first === keys.images[0] && part !== 'list' && typeof id === 'string' && goneImages.has(id);
}
export const isGoneImage = (id: string): boolean => goneImages.has(id);

type Health = Pick<Image, 'present' | 'problems'>;
const whole: Health = { present: true, problems: [] };
const healthOf = ({ present, problems }: Health) =>
  JSON.stringify([present, problems.map(({ code }) => code)]);

function healthChanged(client: QueryClient, { id, change, data }: ServerEvent): boolean {
  const list = client.getQueryData<{ items: Image[] }>([...keys.images, 'list']);
  const before = list?.items.find((image) => image.id === id) ?? whole;
  if (change === 'deleted') return true;
  return data === undefined || healthOf(before) !== healthOf(data as Health);
}

function stateChanged(client: QueryClient, { id, data }: ServerEvent): boolean {
  const before = client
    .getQueryData<{ items: Vm[] }>([...keys.vms, 'list'])
    ?.items.find((vm) => vm.id === id);
  return before?.state !== (data as Partial<Vm> | undefined)?.state;
}

/** A VM that starts will end with another picture; one that is gone has none. */
function rememberPicture(client: QueryClient, { id, change, data }: ServerEvent): void {
  const { state } = (data ?? {}) as Partial<Vm>;
  if (change === 'deleted') client.removeQueries({ queryKey: keys.screenshots(id), type: 'inactive' });
  else if (state === 'running') client.removeQueries({ queryKey: keys.screenshot(id, false) });
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
  const underway = [listKey, oneKey].filter((queryKey) => client.isFetching({ queryKey, exact: true }) > 0);
  client.setQueryData(oneKey, item);
  client.setQueryData<ItemList>(listKey, (list) => list && withItem(list, item, newGoes));
  // An answer on its way may be older than this event and would win: it is dropped at once, and asked for again.
  for (const queryKey of underway) void client.invalidateQueries({ queryKey, exact: true });
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

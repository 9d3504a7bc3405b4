import type { ServerEvent } from '@strata/contract';
import { QueryClient, type QueryKey } from '@tanstack/react-query';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyEvent, isOfGoneImage } from './apply-event.ts';
import { receive } from './live-events.ts';
import { keys } from './queries.ts';

let client: QueryClient;
let invalidated: QueryKey[];
const apply = (event: Omit<ServerEvent, 'sequence'>) =>
  applyEvent(client, { sequence: 1, ...event }, (key) => invalidated.push(key));
const vmsInList = () =>
  client.getQueryData<{ items: { id: string }[]; total: number }>([...keys.vms, 'list']);

beforeEach(() => {
  client = new QueryClient();
  invalidated = [];
  client.setQueryData([...keys.vms, 'list'], { items: [{ id: 'a', name: 'old' }, { id: 'b' }], total: 2 });
});

describe('an event about a VM', () => {
  it('replaces it in the list and by itself', () => {
    apply({ type: 'vm', id: 'a', change: 'updated', data: { id: 'a', name: 'new' } });
    expect(vmsInList()).toEqual({ items: [{ id: 'a', name: 'new' }, { id: 'b' }], total: 2 });
    expect(client.getQueryData(keys.vm('a'))).toEqual({ id: 'a', name: 'new' });
  });

  it('adds a new one, also when it is said to be updated', () => {
    apply({ type: 'vm', id: 'c', change: 'updated', data: { id: 'c' } });
    expect(vmsInList()?.items.map((vm) => vm.id)).toEqual(['a', 'b', 'c']);
    expect(vmsInList()?.total).toBe(3);
  });

  it('takes a deleted one out, once', () => {
    apply({ type: 'vm', id: 'a', change: 'deleted' });
    apply({ type: 'vm', id: 'a', change: 'deleted' });
    expect(vmsInList()).toEqual({ items: [{ id: 'b' }], total: 1 });
  });

  it('asks the server when it brings no data', () => {
    apply({ type: 'vm', id: 'a', change: 'updated' });
    expect(invalidated).toContainEqual([...keys.vms, 'list']);
    expect(invalidated).toContainEqual(keys.vm('a'));
  });

  it('does not make up a list that was never fetched', () => {
    client.clear();
    apply({ type: 'vm', id: 'a', change: 'updated', data: { id: 'a' } });
    expect(vmsInList()).toBeUndefined();
  });

  it('asks again when an older answer is still on its way', () => {
    void client.fetchQuery({ queryKey: keys.vm('a'), queryFn: () => new Promise(() => {}) });
    apply({ type: 'vm', id: 'a', change: 'updated', data: { id: 'a' } });
    expect(client.getQueryState(keys.vm('a'))?.isInvalidated).toBe(true);
  });
});

describe('an event about an image', () => {
  it('draws every chain, map and the forest again', () => {
    apply({ type: 'image', id: 'x', change: 'updated', data: { id: 'x', present: true, problems: [] } });
    for (const part of ['chain', 'map', 'forest']) expect(invalidated).toContainEqual(['images', part]);
    expect(invalidated).toContainEqual(['snapshots']);
  });
});

describe('the health of an image', () => {
  const vmKeys = [
    [...keys.vms, 'list'],
    [...keys.vms, 'one'],
  ];
  const image = (present: boolean) => ({ id: 'x', present, problems: [] });
  beforeEach(() => client.setQueryData([...keys.images, 'list'], { items: [image(true)], total: 1 }));

  it('asks for the VMs again when its file goes, comes back or is deleted', () => {
    apply({ type: 'image', id: 'x', change: 'updated', data: image(false) });
    for (const key of vmKeys) expect(invalidated).toContainEqual(key);
    invalidated = [];
    apply({ type: 'image', id: 'x', change: 'updated', data: image(true) });
    for (const key of vmKeys) expect(invalidated).toContainEqual(key);
    invalidated = [];
    apply({ type: 'image', id: 'x', change: 'deleted' });
    for (const key of vmKeys) expect(invalidated).toContainEqual(key);
  });

  it('leaves the VMs alone while it is only written to', () => {
    apply({ type: 'image', id: 'x', change: 'updated', data: image(true) });
    for (const key of vmKeys) expect(invalidated).not.toContainEqual(key);
  });
});

describe('an image that is deleted', () => {
  it('is not asked for any more, until it is restored', () => {
    apply({ type: 'image', id: 'x', change: 'deleted' });
    expect(isOfGoneImage(keys.imageChain('x'))).toBe(true);
    expect(isOfGoneImage(keys.imageMap('x', { columns: 400 }))).toBe(true);
    expect(isOfGoneImage(keys.imageChain('y'))).toBe(false);
    expect(isOfGoneImage(keys.forest)).toBe(false);
    // The end of the operation that merged it away.
    apply({ type: 'image', id: 'x', change: 'updated' });
    expect(isOfGoneImage(keys.imageChain('x'))).toBe(true);
    apply({ type: 'image', id: 'x', change: 'created', data: { id: 'x', present: true, problems: [] } });
    expect(isOfGoneImage(keys.imageChain('x'))).toBe(false);
  });
});

describe('the last picture of a VM', () => {
  it('is asked for again after a run', () => {
    client.setQueryData(keys.screenshot('c', false), null);
    apply({ type: 'vm', id: 'c', change: 'updated', data: { id: 'c', state: 'running' } });
    expect(client.getQueryData(keys.screenshot('c', false))).toBeUndefined();
  });
});

describe('an event about an operation', () => {
  it('puts a new one first', () => {
    client.setQueryData([...keys.operations, 'list'], { items: [{ id: 'o1' }], total: 1 });
    apply({ type: 'operation', id: 'o2', change: 'created', data: { id: 'o2' } });
    expect(client.getQueryData([...keys.operations, 'list'])).toEqual({
      items: [{ id: 'o2' }, { id: 'o1' }],
      total: 2,
    });
  });
});

describe('the stream', () => {
  const stale = () => client.getQueryState([...keys.vms, 'list'])?.isInvalidated;
  const hello = (sequence: number): ServerEvent => ({ sequence, type: 'hello', id: '', change: 'updated' });

  it('has everything fetched again after events that were missed', () => {
    receive(client, hello(9), { sequence: 4 }, () => {});
    expect(stale()).toBe(true);
  });

  it('goes on after a reconnection that missed nothing', () => {
    receive(client, hello(4), { sequence: 4 }, () => {});
    expect(stale()).toBe(false);
  });

  it('has everything fetched again when the server says so', () => {
    receive(client, { ...hello(5), type: 'resync' }, { sequence: 4 }, () => {});
    expect(stale()).toBe(true);
  });

  it('remembers how far it has come', () => {
    const position = { sequence: 4 };
    receive(client, { ...hello(7), type: 'trash' }, position, () => {});
    expect(position.sequence).toBe(7);
  });
});

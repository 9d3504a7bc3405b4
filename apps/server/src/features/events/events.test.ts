import { setTimeout as sleep } from 'node:timers/promises';
import { type ServerEvent, serverEvent } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { openAsPage, upgradeStatus } from '../../testing/socket-client.ts';
import { startTestServer, type TestServer } from '../../testing/test-app.ts';
import { createEventsService } from './events.service.ts';

describe('the events', () => {
  const collect = () => {
    const events = createEventsService();
    const sent: ServerEvent[] = [];
    const heard: string[] = [];
    events.onNumbered((event) => sent.push(event));
    events.subscribe((event) => heard.push(event.id));
    return { events, sent, heard };
  };

  it('of one operation go out at most five times a second, the last one always', async () => {
    const { events, sent, heard } = collect();
    const began = Date.now();
    let published = 0;
    while (Date.now() - began < 1000) {
      events.publish({ type: 'operation', id: 'op01', change: 'updated', data: published });
      published += 1;
      await sleep(5);
    }
    await sleep(400);
    expect(sent.length).toBeGreaterThan(3);
    expect(sent.length).toBeLessThanOrEqual(7);
    expect(sent.at(-1)?.data).toBe(published - 1);
    expect(heard).toHaveLength(published);
    events.close();
  });
  it('of different things do not wait for each other, and are numbered without gaps', () => {
    const { events, sent } = collect();
    const before = events.sequence;
    for (const id of ['aaaa', 'bbbb', 'cccc']) events.publish({ type: 'vm', id, change: 'updated' });
    expect(sent.map((event) => event.sequence)).toEqual([before + 1, before + 2, before + 3]);
    events.close();
  });
  it('tell of a creation that nobody has seen yet, also when it has changed since', async () => {
    const { events, sent } = collect();
    events.publish({ type: 'image', id: 'aaaa', change: 'deleted' });
    events.publish({ type: 'image', id: 'aaaa', change: 'created', data: 1 });
    events.publish({ type: 'image', id: 'aaaa', change: 'updated', data: 2 });
    await sleep(300);
    expect(sent.map(({ change, data }) => [change, data])).toEqual([
      ['deleted', undefined],
      ['created', 2],
    ]);
    events.close();
  });
});

describe('the socket of events', () => {
  let server: TestServer;
  let socket: WebSocket;
  let received: ServerEvent[];
  beforeEach(async () => {
    server = await startTestServer();
    socket = await openAsPage(server, '/events', 'events');
    received = [];
    socket.on('message', (data) => received.push(serverEvent.parse(JSON.parse(data.toString()))));
    await upgradeStatus(socket);
  });
  afterEach(async () => {
    socket.terminate();
    await server.stop();
  });

  it('begins with a hello, then counts from its number', async () => {
    server.events.publish({ type: 'vm', id: 'vm01', change: 'updated', data: { name: 'a' } });
    await sleep(50);
    const [hello, event] = received;
    expect(hello?.type).toBe('hello');
    expect(event).toMatchObject({ type: 'vm', id: 'vm01', data: { name: 'a' } });
    expect(event?.sequence).toBe((hello?.sequence ?? 0) + 1);
  });

  it('leaves out what a page cannot take, and tells it to fetch afresh when it can', async () => {
    await sleep(50);
    const big = 'x'.repeat(512 * 1024);
    socket.pause();
    for (let count = 0; count < 40; count += 1) {
      server.events.publish({ type: 'image', id: `i${1000 + count}`, change: 'updated', data: big });
      await sleep(5);
    }
    const buffered = [...server.app.websocketServer.clients].map((client) => client.bufferedAmount);
    // 20 MiB were published; what waits is what was under way when the reader fell behind.
    expect(Math.max(...buffered)).toBeLessThan(2 * 1024 ** 2);
    socket.resume();
    await expect.poll(() => received.at(-1)?.type, { timeout: 5000 }).toBe('resync');
    server.events.publish({ type: 'vm', id: 'vm01', change: 'updated' });
    await expect.poll(() => received.at(-1)?.type).toBe('vm');
    const [resync, next] = received.slice(-2);
    expect(next?.sequence).toBe((resync?.sequence ?? 0) + 1);
  });
});

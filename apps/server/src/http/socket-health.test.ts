import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { watchSocket } from './socket-health.ts';

const limits = { pingMilliseconds: 100, missedPings: 2, mostBuffered: 4 * 1024 ** 2, stallMilliseconds: 600 };

let server: WebSocketServer;
let ends: Array<{ code: number; after: number }> = [];
let accepted: WebSocket[] = [];

beforeEach(async () => {
  ends = [];
  accepted = [];
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket, request) => {
    const began = performance.now();
    accepted.push(socket);
    watchSocket(socket, request.socket, limits);
    socket.on('close', (code) => ends.push({ code, after: performance.now() - began }));
  });
});
afterEach(async () => {
  const open = accepted.filter((socket) => socket.readyState !== WebSocket.CLOSED);
  const gone = open.map((socket) => once(socket, 'close'));
  for (const socket of open) socket.terminate();
  await Promise.all(gone);
  server.close();
});
const port = () => (server.address() as AddressInfo).port;

/** Speaks just enough to be upgraded, then never reads nor answers again. */
const openDeaf = async () => {
  const raw = connect(port(), '127.0.0.1');
  raw.write(
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await new Promise((resolve) => raw.once('data', resolve));
  raw.pause();
  return raw;
};

it('drops a peer that answers no ping', async () => {
  const raw = await openDeaf();
  await sleep(600);
  expect(ends).toHaveLength(1);
  raw.destroy();
});

it('keeps a peer that answers', async () => {
  const client = new WebSocket(`ws://127.0.0.1:${port()}`);
  await sleep(700);
  expect(ends).toHaveLength(0);
  expect(client.readyState).toBe(WebSocket.OPEN);
  client.terminate();
});

it('closes a reader that lets more than the limit wait, and bounds what it costs', async () => {
  const raw = await openDeaf();
  const socket = accepted[0] as WebSocket;
  // Answer its pings in its name: what is tested here is not the ping.
  const pongs = setInterval(() => socket.emit('pong'), 50);
  const feed = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send(Buffer.alloc(1024 ** 2));
  }, 10);
  await sleep(2500);
  clearInterval(feed);
  clearInterval(pongs);
  expect(ends).toHaveLength(1);
  raw.destroy();
});

it('closes a reader that takes nothing for too long', async () => {
  const raw = await openDeaf();
  const socket = accepted[0] as WebSocket;
  const pongs = setInterval(() => socket.emit('pong'), 50);
  // Less than may wait, more than the kernel takes.
  for (let count = 0; count < 8; count += 1) socket.send(Buffer.alloc(1024 ** 2));
  await sleep(100);
  expect(socket.bufferedAmount).toBeGreaterThan(0);
  await sleep(2400);
  clearInterval(pongs);
  expect(ends).toHaveLength(1);
  raw.destroy();
});

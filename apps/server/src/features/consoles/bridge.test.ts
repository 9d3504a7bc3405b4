import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { bridge, bridgeLimits } from './bridge.ts';

const mebi = 1024 ** 2;
let folder: string;
let vnc: Server;
let vncSide: Promise<Socket>;
let sockets: WebSocketServer;
let page: WebSocket;
let serverSide: WebSocket;
let serverVnc: Socket;

/** page ⇄ WebSocket ⇄ (bridge) ⇄ unix socket ⇄ a stand-in for QEMU */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-bridge-'));
  const path = join(folder, 'v');
  vnc = createServer();
  vncSide = new Promise((resolve) => vnc.once('connection', resolve));
  await new Promise<void>((resolve) => vnc.listen(path, resolve));
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const joined = new Promise<void>((resolve) =>
    sockets.once('connection', (socket) => {
      serverSide = socket;
      serverVnc = createConnection({ path });
      bridge(socket, serverVnc);
      resolve();
    }),
  );
  await new Promise<void>((resolve) => sockets.once('listening', resolve));
  const { port } = sockets.address() as { port: number };
  page = new WebSocket(`ws://127.0.0.1:${port}`);
  page.on('error', () => {});
  await joined;
});
afterEach(async () => {
  page.terminate();
  sockets.close();
  (await vncSide).destroy();
  vnc.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes as fast as it is taken; tells how much that was. */
const pour = (socket: Socket): { sent(): number; stop(): void } => {
  const chunk = Buffer.alloc(64 * 1024, 0x5a);
  let sent = 0;
  let on = true;
  const more = (): void => {
    if (!on) return;
    sent += chunk.length;
    if (socket.write(chunk)) setImmediate(more);
    else socket.once('drain', more);
  };
  more();
  return {
    sent: () => sent,
    stop: () => {
      on = false;
    },
  };
};

describe('the bridge between a page and a VNC socket', () => {
  it('passes bytes both ways unchanged', async () => {
    const qemu = await vncSide;
    const received = new Promise<Buffer>((resolve) =>
      page.once('message', (data) => resolve(data as Buffer)),
    );
    qemu.write(Buffer.from([0, 255, 82, 70, 66]));
    expect([...(await received)]).toEqual([0, 255, 82, 70, 66]);
    const answered = new Promise<Buffer>((resolve) => qemu.once('data', resolve));
    page.send(Buffer.from([1, 2, 254]));
    expect([...(await answered)]).toEqual([1, 2, 254]);
  });

  it('keeps the server’s memory flat while a page does not read, and loses nothing', async () => {
    const qemu = await vncSide;
    let received = 0;
    page.on('message', (data) => {
      received += (data as Buffer).length;
    });
    page.pause();
    const source = pour(qemu);
    let most = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      await sleep(25);
      most = Math.max(most, serverSide.bufferedAmount);
    }
    expect(serverVnc.isPaused()).toBe(true);
    expect(most).toBeGreaterThan(mebi);
    expect(most).toBeLessThan(bridgeLimits.hold + 2 * mebi);
    const stalled = source.sent();
    page.resume();
    // It flows again, and what was sent arrives to the last byte.
    await expect.poll(() => source.sent(), { timeout: 10_000 }).toBeGreaterThan(stalled + 4 * mebi);
    source.stop();
    await expect.poll(() => received, { timeout: 5_000 }).toBe(source.sent());
  });

  it('holds a page that sends more than QEMU reads', async () => {
    const qemu = await vncSide;
    qemu.pause();
    const chunk = Buffer.alloc(64 * 1024);
    for (let turn = 0; turn < 200; turn += 1) {
      page.send(chunk);
      await sleep(1);
    }
    expect(serverSide.isPaused).toBe(true);
    expect(serverVnc.writableLength).toBeLessThan(mebi);
    let received = 0;
    qemu.on('data', (bytes) => {
      received += bytes.length;
    });
    qemu.resume();
    await expect.poll(() => received, { timeout: 5_000 }).toBe(200 * chunk.length);
  });

  it('ends the page when the VM ends, and QEMU’s connection when the page ends', async () => {
    const qemu = await vncSide;
    const gone = new Promise((resolve) => qemu.once('close', resolve));
    const closed = new Promise((resolve) => page.once('close', resolve));
    qemu.destroy();
    expect(await closed).toBe(1000);
    await gone;
  });
});

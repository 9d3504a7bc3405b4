import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { joinHistory, SerialHistory } from './serial-history.ts';
import { SerialLine, serialLimits } from './serial-line.ts';

describe('the memory of a serial line', () => {
  it('keeps the last bytes, however they came', () => {
    const history = new SerialHistory(10);
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') history.push(Buffer.from(letter));
    expect(history.end().toString()).toBe('qrstuvwxyz');
    history.push(Buffer.from('0123456789ABCDEF'));
    expect(history.end().toString()).toBe('6789ABCDEF');
  });

  it.each([
    ['nothing came yet', 'abc', '', 'abc'],
    ['all of it is in the log', 'abcdef', 'def', 'abcdef'],
    ['the log is ahead of the line', 'abcdefGHI', 'def', 'abcdef'],
    ['the line is ahead of the log', 'abcd', 'cdef', 'abcdef'],
    ['they do not meet', 'abc', 'xyz', 'abcxyz'],
    ['there is no log', '', 'xyz', 'xyz'],
  ])('joins log and line when %s', (_, log, line, joined) => {
    expect(joinHistory(Buffer.from(log), Buffer.from(line)).toString()).toBe(joined);
  });
});

describe('a serial line', () => {
  let folder: string;
  let log: string;
  let server: Server;
  let sockets: WebSocketServer;
  let line: SerialLine;
  let qemu: Socket;
  const pages: WebSocket[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'strata-serial-'));
    log = join(folder, 'serial0.log');
    writeFileSync(log, 'before\n');
    server = createServer();
    const joined = new Promise<Socket>((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(join(folder, 's0'), resolve));
    line = new SerialLine(join(folder, 's0'), log);
    qemu = await joined;
    sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    sockets.on('connection', (socket) => line.join(socket));
    await new Promise<void>((resolve) => sockets.once('listening', resolve));
    await sleep(serialLimits.settleMs * 2);
  });
  afterEach(() => {
    for (const page of pages) page.terminate();
    line.close();
    qemu.destroy();
    sockets.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As QEMU: to the socket and to the log. */
  const say = (text: string | Buffer): void => {
    qemu.write(text);
    appendFileSync(log, text);
  };
  const open = async (): Promise<{ page: WebSocket; text(): string }> => {
    const { port } = sockets.address() as { port: number };
    const page = new WebSocket(`ws://127.0.0.1:${port}`);
    pages.push(page);
    let text = '';
    page.on('message', (data) => {
      text += String(data);
    });
    await new Promise((resolve) => page.once('open', resolve));
    return { page, text: () => text };
  };

  it('shows every page the past and then the same', async () => {
    const first = await open();
    say('one\n');
    await expect.poll(first.text).toBe('before\none\n');
    const second = await open();
    say('two\n');
    await expect.poll(second.text).toBe('before\none\ntwo\n');
    await expect.poll(first.text).toBe('before\none\ntwo\n');
  });

  it('brings to QEMU what any page types', async () => {
    const [first, second] = [await open(), await open()];
    let typed = '';
    qemu.on('data', (bytes) => {
      typed += String(bytes);
    });
    first.page.send(Buffer.from('ls'));
    second.page.send(Buffer.from('\r'));
    await expect.poll(() => typed.length).toBe(3);
  });

  it('neither holds the guest nor grows for a page that does not read; the page is told what it missed', async () => {
    const slow = await open();
    slow.page.pause();
    const quick = await open();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    for (let turn = 0; turn < 400; turn += 1) {
      if (!qemu.write(chunk)) await new Promise((resolve) => qemu.once('drain', resolve));
    }
    await expect.poll(() => quick.text().length, { timeout: 10_000 }).toBeGreaterThan(1024 ** 2);
    for (const socket of sockets.clients)
      expect(socket.bufferedAmount).toBeLessThan(serialLimits.lag + 256 * 1024);
    slow.page.resume();
    await expect
      .poll(
        () => {
          say('.');
          return slow.text();
        },
        { timeout: 10_000 },
      )
      .toContain('bytes left out');
  });

  it('shortens the log when it has grown, and still knows its end', async () => {
    const page = await open();
    for (let turn = 0; turn < 20; turn += 1) say(Buffer.alloc(64 * 1024, 'y'));
    say('the end');
    await expect.poll(page.text, { timeout: 5_000 }).toContain('the end');
    expect(existsSync(`${log}.old`)).toBe(true);
    expect(statSync(log).size).toBeLessThan(serialLimits.log);
  });

  it('closes its pages when the VM ends', async () => {
    const { page } = await open();
    const closed = new Promise((resolve) => page.once('close', resolve));
    qemu.destroy();
    expect(await closed).toBe(1000);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QmpClient } from './client.types.ts';
import { type ConnectOptions, connectQmp } from './connect.ts';
import { FakeQemu, FakeQemuError, type FakeQemuOptions, noAnswer } from './testing/index.ts';

let folder: string;
let path: string;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  path = join(folder, 'q');
});
afterEach(async () => {
  for (const thing of opened.splice(0).reverse()) await thing.close();
  await rm(folder, { recursive: true, force: true });
});

async function listen(options: Omit<FakeQemuOptions, 'path'> = {}): Promise<FakeQemu> {
  const qemu = await FakeQemu.listen({ path, ...options });
  opened.push(qemu);
  return qemu;
}
async function connect(options: Omit<ConnectOptions, 'path'> = {}): Promise<QmpClient> {
  const client = await connectQmp({ path, ...options });
  opened.push(client);
  return client;
}

describe('connecting', () => {
  it('waits for the greeting, negotiates and knows the version', async () => {
    await listen({ version: { major: 9, minor: 1, micro: 2 } });
    const client = await connect();
    expect(client.version).toEqual({ major: 9, minor: 1, micro: 2, text: '9.1.2' });
    expect(client.isOpen).toBe(true);
  });

  it('says so when nobody listens', async () => {
    await expect(connect()).rejects.toMatchObject({
      name: 'QmpConnectError',
      reason: 'unreachable',
      cause: { code: 'ENOENT' },
    });
  });

  it('waits for a socket that is not there yet, when asked to', async () => {
    const connecting = connect({ waitForSocketMs: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await listen();
    expect((await connecting).isOpen).toBe(true);
  });

  it('gives up on a peer that never greets', async () => {
    await listen({ silent: true });
    await expect(connect({ greetingTimeoutMs: 50 })).rejects.toMatchObject({ reason: 'no-greeting' });
  });

  it('gives up when another client has the socket, and gets it after that one has left', async () => {
    await listen();
    const first = await connect();
    await expect(connect({ greetingTimeoutMs: 50 })).rejects.toMatchObject({ reason: 'no-greeting' });
    first.close();
    expect((await connect()).isOpen).toBe(true);
  });

  it('says so when QEMU hangs up before greeting', async () => {
    const qemu = await listen({ silent: true });
    const connecting = connect();
    setTimeout(() => qemu.disconnect(), 30);
    await expect(connecting).rejects.toMatchObject({ reason: 'ended' });
  });

  it('says so when the capabilities are refused', async () => {
    const qemu = await listen();
    qemu.on('qmp_capabilities', () => {
      throw new FakeQemuError('not today');
    });
    await expect(connect()).rejects.toMatchObject({
      reason: 'refused',
      cause: { name: 'QmpCommandError', desc: 'not today' },
    });
  });

  it('says so when the peer speaks something else', async () => {
    const qemu = await listen({ silent: true });
    const connecting = connect();
    setTimeout(() => qemu.sendRaw('SSH-2.0-OpenSSH_9.2\r\n'), 30);
    await expect(connecting).rejects.toMatchObject({
      reason: 'garbage',
      cause: { name: 'QmpProtocolError' },
    });
  });
});

describe('commands', () => {
  it('get their own answers, whatever the order', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('query-name', () => noAnswer);
    qemu.on('query-uuid', () => {
      const [first] = qemu.received;
      qemu.sendRaw(
        `${JSON.stringify({ id: qemu.received[1]?.id, return: { UUID: 'u' } })}\n${JSON.stringify({ id: first?.id, return: { name: 'n' } })}\n`,
      );
      return noAnswer;
    });
    const answers = await Promise.all([client.execute('query-name'), client.execute('query-uuid')]);
    expect(answers).toEqual([{ name: 'n' }, { UUID: 'u' }]);
  });

  it('carry their arguments, and none when there are none', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('job-dismiss', () => ({})).on('stop', () => ({}));
    await client.execute('job-dismiss', { id: 'Zürich 🗻' });
    await client.execute('stop');
    expect(qemu.received).toMatchObject([{ execute: 'job-dismiss', arguments: { id: 'Zürich 🗻' } }, {}]);
    expect(qemu.received[1]).not.toHaveProperty('arguments');
  });

  it('fail with QEMU’s class and words', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('cont', () => {
      throw new FakeQemuError('Resetting the Virtual Machine is required');
    });
    await expect(client.execute('cont')).rejects.toMatchObject({
      name: 'QmpCommandError',
      command: 'cont',
      class: 'GenericError',
      desc: 'Resetting the Virtual Machine is required',
    });
    await expect(client.executeRaw('no-such-thing')).rejects.toMatchObject({ class: 'CommandNotFound' });
  });

  it('that time out are unknown, not failed: the session goes on and the late answer is dropped', async () => {
    const qemu = await listen();
    const client = await connect({ commandTimeoutMs: 40 });
    qemu.on('query-status', () => noAnswer).on('query-name', () => ({ name: 'later' }));
    await expect(client.execute('query-status')).rejects.toMatchObject({
      name: 'QmpTimeoutError',
      command: 'query-status',
      timeoutMs: 40,
    });
    qemu.sendRaw(`${JSON.stringify({ id: qemu.received[0]?.id, return: { late: true } })}\n`);
    expect(await client.execute('query-name')).toEqual({ name: 'later' });
    expect(client.isOpen).toBe(true);
  });

  it('can have a time of their own', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('quit', () => noAnswer);
    await expect(client.execute('quit', undefined, { timeoutMs: 30 })).rejects.toMatchObject({
      timeoutMs: 30,
    });
  });

  it('are all interrupted when the connection ends, and refused afterwards', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('query-name', () => noAnswer).on('query-uuid', () => noAnswer);
    const pending = [client.execute('query-name'), client.execute('query-uuid')];
    setTimeout(() => qemu.disconnect(), 30);
    const ends = await Promise.allSettled(pending);
    expect(ends).toMatchObject([
      { status: 'rejected', reason: { name: 'QmpInterruptedError', command: 'query-name' } },
      { status: 'rejected', reason: { name: 'QmpInterruptedError', command: 'query-uuid' } },
    ]);
    await client.closed;
    expect(client.isOpen).toBe(false);
    await expect(client.execute('stop')).rejects.toMatchObject({ name: 'QmpInterruptedError' });
  });

  it('are interrupted by our own close, too', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('query-name', () => noAnswer);
    const pending = client.execute('query-name');
    client.close();
    await expect(pending).rejects.toMatchObject({ name: 'QmpInterruptedError' });
    await client.closed;
  });

  it('never reuse an id of an earlier session', async () => {
    const qemu = await listen();
    qemu.on('stop', () => ({}));
    for (let session = 0; session < 2; session++) {
      const client = await connect();
      await client.execute('stop');
      client.close();
    }
    expect(new Set(qemu.received.map(({ id }) => id)).size).toBe(2);
  });
});

describe('events', () => {
  it('reach who listens for them, until told otherwise', async () => {
    const qemu = await listen();
    const client = await connect();
    const heard: unknown[] = [];
    const off = client.on('SHUTDOWN', ({ data, at }) => heard.push(data, at > 1_600_000_000_000));
    const any: string[] = [];
    client.onAny(({ event }) => any.push(event));
    qemu.emit('STOP', {});
    qemu.emit('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    qemu.on('stop', () => ({}));
    await client.execute('stop');
    expect(heard).toEqual([{ guest: true, reason: 'guest-shutdown' }, true]);
    off();
    qemu.emit('SHUTDOWN', { guest: false, reason: 'host-signal' });
    await client.execute('stop');
    expect(heard).toHaveLength(2);
    expect(any).toEqual(['STOP', 'SHUTDOWN', 'SHUTDOWN']);
  });

  it('that come in the same chunk as the answer are heard by a listener registered before the command', async () => {
    const qemu = await listen();
    const client = await connect();
    qemu.on('stop', () => {
      const id = qemu.received.at(-1)?.id;
      qemu.sendRaw(`${JSON.stringify({ return: {}, id })}\r\n${JSON.stringify({ event: 'STOP' })}\r\n`);
      return noAnswer;
    });
    let heard = 0;
    client.on('STOP', () => heard++);
    await client.execute('stop');
    expect(heard).toBe(1);
  });
});

describe('garbage', () => {
  it.each([
    ['no JSON', 'hello\n'],
    ['JSON that is no message', '{"surprise": 1}\n'],
    ['a JSON list', '[]\n'],
    ['an error without an id', '{"error": {"class": "GenericError", "desc": "JSON parse error"}}\n'],
    ['a line over the limit', `${'x'.repeat(2_000)}`],
  ])('ends the session: %s', async (_case, bytes) => {
    const qemu = await listen();
    const client = await connect({ lineLimit: 1_000 });
    qemu.on('query-name', () => {
      qemu.sendRaw(bytes);
      return noAnswer;
    });
    await expect(client.execute('query-name')).rejects.toMatchObject({
      name: 'QmpInterruptedError',
      cause: { name: 'QmpProtocolError' },
    });
    expect(client.isOpen).toBe(false);
  });
});

describe('the bytes of a message', () => {
  it('may come one at a time, inside characters too', async () => {
    const qemu = await listen({ pieceBytes: 1 });
    const client = await connect();
    qemu.on('query-name', () => ({ name: 'Bücher 🗻 \u2028' }));
    expect(await client.execute('query-name')).toEqual({ name: 'Bücher 🗻 \u2028' });
  });

  it('may be 48 MiB, in time that grows with the length only', async () => {
    const qemu = await listen({ pieceBytes: 64 * 1024 });
    const client = await connect({ commandTimeoutMs: 15_000 });
    qemu.on('human-monitor-command', ({ 'command-line': size }) => 'y'.repeat(Number(size)));
    const answer = await client.execute('human-monitor-command', {
      'command-line': String(48 * 1024 * 1024),
    });
    expect(answer.length).toBe(48 * 1024 * 1024);
  });
});

import { id } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { closeCode, openAsPage, openSocket, upgradeStatus } from '../testing/socket-client.ts';
import { startTestServer, type TestServer } from '../testing/test-app.ts';
import { bindSocket } from './websocket.ts';

let server: TestServer;
let opened: WebSocket[] = [];
const open = (...options: Parameters<typeof openSocket>): WebSocket => {
  const socket = openSocket(...options);
  opened.push(socket);
  return socket;
};
const params = z.strictObject({ id });

beforeEach(async () => {
  server = await startTestServer({
    routes: (app) => {
      bindSocket(
        app,
        {
          path: '/vms/:id/console',
          purpose: 'console',
          params,
          largestMessage: 1000,
          check: (given) => {
            if (given.id === 'gone') throw new AppError('not-found', 'There is no such VM.');
          },
        },
        (socket, given) => {
          if (given.id === 'down') throw new AppError('vm-not-running', 'The VM is not running.');
          socket.on('message', (data) => socket.send(data));
        },
      );
    },
  });
});
afterEach(async () => {
  for (const socket of opened) socket.terminate();
  opened = [];
  await server.stop();
});

const origin = () => `http://127.0.0.1:${server.port}`;
const ticketFor = async (body: object): Promise<string> => {
  const answer = await server.request('POST', '/tickets', body);
  expect(answer.status).toBe(201);
  return (answer.body as { ticket: string }).ticket;
};

describe('an upgrade', () => {
  it('with a ticket answers the protocol of Strata and never the ticket', async () => {
    const socket = await openAsPage(server, '/vms/vm01/console', 'console', 'vm01');
    opened.push(socket);
    expect(await upgradeStatus(socket)).toBe(101);
    expect(socket.protocol).toBe('strata.v1');
  });
  it('with the bearer needs no Origin, but takes only its own', async () => {
    expect(await upgradeStatus(open(server, '/events'))).toBe(101);
    expect(await upgradeStatus(open(server, '/events', { origin: origin() }))).toBe(101);
    expect(await upgradeStatus(open(server, '/events', { origin: 'http://evil.com' }))).toBe(403);
    expect(await upgradeStatus(open(server, '/events', { bearer: 'wrong' }))).toBe(401);
  });
  it('for another host is refused', async () => {
    expect(await upgradeStatus(open(server, '/events', { host: `evil.com:${server.port}` }))).toBe(421);
  });
  it('with a ticket needs the Origin', async () => {
    const ticket = await ticketFor({ purpose: 'events' });
    expect(await upgradeStatus(open(server, '/events', { ticket }))).toBe(403);
    expect(await upgradeStatus(open(server, '/events', { ticket, origin: 'null' }))).toBe(403);
  });
  it('without any ticket is refused', async () => {
    expect(await upgradeStatus(open(server, '/events', { bearer: null, origin: origin() }))).toBe(401);
    expect(await upgradeStatus(open(server, '/events', { ticket: 'made-up', origin: origin() }))).toBe(401);
  });
  it('with a ticket for another VM or purpose is refused, and the ticket is spent', async () => {
    const ticket = await ticketFor({ purpose: 'console', vmId: 'vm01' });
    expect(await upgradeStatus(open(server, '/vms/vm02/console', { ticket, origin: origin() }))).toBe(401);
    expect(await upgradeStatus(open(server, '/vms/vm01/console', { ticket, origin: origin() }))).toBe(401);
    const events = await ticketFor({ purpose: 'events' });
    expect(await upgradeStatus(open(server, '/vms/vm01/console', { ticket: events, origin: origin() }))).toBe(
      401,
    );
  });
  it('with the same ticket 20 times at once opens exactly one socket', async () => {
    const ticket = await ticketFor({ purpose: 'events' });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () => upgradeStatus(open(server, '/events', { ticket, origin: origin() }))),
    );
    expect(statuses.filter((status) => status === 101)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
  });
  it('is refused with a status where there is nothing to connect to', async () => {
    expect(await upgradeStatus(open(server, '/vms/gone/console'))).toBe(404);
    expect(await upgradeStatus(open(server, '/vms/NOT_AN_ID/console'))).toBe(400);
    expect(await upgradeStatus(open(server, '/nothing'))).toBe(404);
  });
});

describe('an open socket', () => {
  it('is closed with 4000 + the status when its handler refuses', async () => {
    expect(await closeCode(open(server, '/vms/down/console'))).toBe(4409);
  });
  it('is closed for a message that is too large', async () => {
    const socket = open(server, '/vms/vm01/console');
    await upgradeStatus(socket);
    socket.send(Buffer.alloc(1001));
    expect(await closeCode(socket)).toBe(1009);
  });
  it('counts: a fifth console of one VM gets 429, until one is closed', async () => {
    const four = Array.from({ length: 4 }, () => open(server, '/vms/vm01/console'));
    expect(await Promise.all(four.map(upgradeStatus))).toEqual([101, 101, 101, 101]);
    expect(await upgradeStatus(open(server, '/vms/vm01/console'))).toBe(429);
    expect(await upgradeStatus(open(server, '/vms/vm02/console'))).toBe(101);
    const [first] = four;
    if (first !== undefined) {
      first.close();
      await closeCode(first);
    }
    expect(await upgradeStatus(open(server, '/vms/vm01/console'))).toBe(101);
  });
  it('counts: 32 of all kinds', async () => {
    const all = Array.from({ length: 32 }, () => open(server, '/events'));
    expect(new Set(await Promise.all(all.map(upgradeStatus)))).toEqual(new Set([101]));
    expect(await upgradeStatus(open(server, '/events'))).toBe(429);
  });
  it('is closed when the server ends, and does not keep it from ending', async () => {
    const socket = open(server, '/events');
    await upgradeStatus(socket);
    const closed = closeCode(socket);
    const started = Date.now();
    await server.app.close();
    expect(await closed).toBe(1001);
    expect(Date.now() - started).toBeLessThan(3000);
  });
});

it('a plain GET of a socket address is no socket', async () => {
  expect((await server.request('GET', '/events')).status).toBe(404);
});

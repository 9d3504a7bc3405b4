import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { apiPrefix } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rawHttp, statusOf } from '../testing/raw-http.ts';
import { startTestServer, type TestServer } from '../testing/test-app.ts';
import { httpLimits } from './server.ts';

const limit = 2000;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    limits: { ...httpLimits, requestTimeout: limit },
    routes: (app) => {
      app.register(async (scope) => {
        scope.addContentTypeParser('application/octet-stream', (_request, payload, next) =>
          next(null, payload),
        );
        scope.patch(`${apiPrefix}/files`, { config: { slow: true } }, async ({ body }) => {
          let received = 0;
          for await (const chunk of body as Readable) received += (chunk as Buffer).length;
          return { received };
        });
      });
    },
  });
});
afterAll(() => server.stop());

const head = (bytes: number): string =>
  [
    `PATCH ${apiPrefix}/files HTTP/1.1`,
    `Host: 127.0.0.1:${server.port}`,
    `Authorization: Bearer ${server.token}`,
    'Content-Type: application/octet-stream',
    `Content-Length: ${bytes}`,
    '',
    '',
  ].join('\r\n');

it('lets a file take longer than any other request while it comes', async () => {
  const pieces = 18;
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  const began = performance.now();
  socket.write(head(pieces));
  for (let sent = 0; sent < pieces; sent += 1) {
    await delay(250);
    socket.write('x');
  }
  expect(performance.now() - began).toBeGreaterThan(2 * limit);
  await expect.poll(() => answer, { timeout: 10_000 }).toContain(`"received":${pieces}`);
  socket.destroy();
}, 30_000);

it('ends a file that stands still with 408', async () => {
  expect(statusOf(await rawHttp(server.port, `${head(20)}xx`, 10_000))).toBe(408);
}, 30_000);

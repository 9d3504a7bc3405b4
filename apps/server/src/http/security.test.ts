import { apiPrefix, endpoint, endpoints, sizeInput } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rawHttp, statusOf } from '../testing/raw-http.ts';
import { startTestServer, type TestServer } from '../testing/test-app.ts';
import { bind } from './bind.ts';
import { contentSecurityPolicy } from './security-headers.ts';
import { httpLimits } from './server.ts';

const ok = { 200: z.object({ ok: z.literal(true) }) };
const sized = endpoint({
  method: 'POST',
  path: '/echo',
  summary: 'Takes a size',
  body: z.strictObject({ size: sizeInput, name: z.string().optional() }),
  responses: ok,
});
const poked = endpoint({ method: 'POST', path: '/poke', summary: 'Takes nothing', responses: ok });
const named = endpoint({
  method: 'GET',
  path: '/things/:id',
  summary: 'Takes an id',
  params: z.strictObject({ id: z.string().regex(/^[a-z0-9]{4,32}$/) }),
  responses: ok,
});

let server: TestServer;
let calls = 0;
const done = () => {
  calls += 1;
  return { ok: true } as const;
};

beforeAll(async () => {
  server = await startTestServer({
    limits: { ...httpLimits, headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 100 },
    routes: (app) => {
      bind(app, sized, done);
      bind(app, named, done);
      bind(app, poked, done);
    },
  });
});
afterAll(() => server.stop());

const get = (headers: readonly string[], path = `${apiPrefix}/things/abcd`): Promise<string> =>
  rawHttp(server.port, `GET ${path} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`);
const token = () => `Authorization: Bearer ${server.token}`;
const host = () => `Host: 127.0.0.1:${server.port}`;

describe('Host, Origin and Sec-Fetch-Site', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST', '127.0.0.1:8443'])(
    'answers for the host %s',
    async (name) => {
      expect(statusOf(await get([`Host: ${name}`, token()]))).toBe(200);
    },
  );
  it.each(['evil.com', '0.0.0.0', '127.0.0.1.evil.com', 'localhost:80@evil.com', '[::]', ''])(
    'refuses the host "%s" with 421',
    async (name) => {
      const before = calls;
      expect(statusOf(await get([`Host: ${name}`, token()]))).toBe(421);
      expect(calls).toBe(before);
    },
  );
  it('refuses two Host headers, and none', async () => {
    expect(statusOf(await get([host(), 'Host: evil.com', token()]))).toBe(400);
    expect(statusOf(await get([host(), host(), token()]))).toBe(400);
    expect(statusOf(await get([token()]))).toBe(400);
    expect(statusOf(await rawHttp(server.port, `GET / HTTP/1.0\r\n${token()}\r\n\r\n`))).toBe(400);
  });
  it('checks the host of pages without data as well', async () => {
    expect(statusOf(await get(['Host: evil.com'], '/'))).toBe(421);
    expect(statusOf(await get(['Host: evil.com'], '/healthz'))).toBe(421);
  });
  it.each(['http://evil.com', 'null', 'http://127.0.0.1:1', 'https://127.0.0.1', ''])(
    'refuses the origin "%s" with 403, with the right token',
    async (origin) => {
      const before = calls;
      expect(statusOf(await get([host(), token(), `Origin: ${origin}`]))).toBe(403);
      expect(calls).toBe(before);
    },
  );
  it('takes its own origin', async () => {
    expect(statusOf(await get([host(), token(), `Origin: http://127.0.0.1:${server.port}`]))).toBe(200);
  });
  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ])('answers Sec-Fetch-Site: %s with %d', async (site, status) => {
    expect(statusOf(await get([host(), token(), `Sec-Fetch-Site: ${site}`]))).toBe(status);
  });
  it('gives no CORS answer to OPTIONS', async () => {
    const answer = await rawHttp(
      server.port,
      `OPTIONS ${apiPrefix}/echo HTTP/1.1\r\n${host()}\r\n${token()}\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
    );
    expect([404, 405]).toContain(statusOf(answer));
    expect(answer.toLowerCase()).not.toContain('access-control');
  });
});

describe('the access token', () => {
  const open = new Set(['/healthz', '/api/openapi.json', `${apiPrefix}/session`]);
  it('is needed by every route but the shell, the session, the health and the API description', async () => {
    const routes = server.app
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split('\n')
      .filter((line) => line.trim() !== '');
    expect(routes.length).toBeGreaterThan(5);
    const paths = Object.values(server.app.swagger().paths ?? {});
    expect(paths.length).toBeGreaterThan(2);
    for (const { method, path } of Object.values({ ...endpoints, sized, named })) {
      const url = apiPrefix + path.replace(/:\w+/g, 'abcd');
      if (open.has(url)) continue;
      const answer = await server.app.inject({ method, url, headers: { host: '127.0.0.1' } });
      expect([method, url, answer.statusCode]).toEqual([method, url, 401]);
      expect(answer.json()).toMatchObject({ code: 'unauthorized', status: 401 });
    }
  });
  it('is needed to learn that an address does not exist', async () => {
    expect(statusOf(await get([host()], '/api/v1/nothing'))).toBe(401);
    expect(statusOf(await get([host()], '/api'))).toBe(401);
    expect(statusOf(await get([host(), token()], '/api/v1/nothing'))).toBe(404);
  });
  it.each(['Bearer wrong', 'Basic dGVzdA==', 'Bearer', 'bearer  x'])(
    'refuses "Authorization: %s"',
    async (value) => {
      expect(statusOf(await get([host(), `Authorization: ${value}`]))).toBe(401);
    },
  );
  it('is not taken from the address', async () => {
    expect(statusOf(await get([host()], `${apiPrefix}/things/abcd?token=${server.token}`))).toBe(401);
  });
  it('is given for a start code, once', async () => {
    const code = server.startCodes.issue();
    const first = await server.request('POST', '/session', { code }, { authorization: '' });
    expect([first.status, first.body]).toEqual([200, { token: server.token }]);
    expect((await server.request('POST', '/session', { code })).status).toBe(401);
  });
});

describe('bodies', () => {
  const post = (type: string, body: string) =>
    server.app.inject({
      method: 'POST',
      url: `${apiPrefix}/echo`,
      headers: { host: '127.0.0.1', authorization: `Bearer ${server.token}`, 'content-type': type },
      payload: body,
    });
  const json = (body: string) => post('application/json', body);

  it('takes a good one, and a size as text', async () => {
    expect((await json('{"size":512}')).statusCode).toBe(200);
    expect((await json('{"size":"10G"}')).statusCode).toBe(200);
  });
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
  ])('refuses %s with 415', async (type) => {
    const answer = await post(type, '{"size":512}');
    expect([answer.statusCode, answer.json().code]).toEqual([415, 'unsupported-media-type']);
  });
  it.each([
    '{"size":512,"__proto__":{"x":1}}',
    '{"size":512,"constructor":{"prototype":{"x":1}}}',
    '{"size":512,"\\u005f_proto__":1}',
    '{"size":512,"size":1024}',
    '{"size":512,"\\u0073ize":1024}',
    '{"size":512,"other":1}',
    '{"size":512',
    '',
    'null',
    '[]',
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    `{"name":"a","size":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`,
  ])('refuses %.60s with 400', async (body) => {
    const before = calls;
    const answer = await json(body);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid-request']);
    expect(calls).toBe(before);
  });
  it.each(['"10GB"', '"10"', 'null', '1.5', '[]', '{}'])(
    'says what a size looks like, unlike %s',
    async (size) => {
      expect((await json(`{"size":${size}}`)).json().errors).toEqual([
        { path: 'size', message: expect.stringContaining('"10G"') },
      ]);
    },
  );
  it.each(['', 'null', '[]', '7'])('asks for a JSON object instead of %j', async (body) => {
    expect((await json(body)).json().detail).toContain('Send a JSON object.');
  });
  it.each([
    '"512"',
    'true',
    '[512]',
    'null',
    '1.5',
    '-1',
    '0',
    '1e400',
    '9007199254740993',
    '18446744073709551616',
    '"0x100"',
    '" 1G"',
    '"1.5G"',
    '"99999999999999T"',
  ])('refuses the size %s with 400', async (size) => {
    const answer = await json(`{"size":${size}}`);
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([400, 'size']);
  });
  it('names an unknown field', async () => {
    expect((await json('{"size":512,"colour":1}')).json()).toMatchObject({
      code: 'invalid-request',
      status: 400,
      errors: [{ path: 'colour', message: 'is not known' }],
    });
  });
  it('does not take strings with braces and colons for structure', async () => {
    expect((await json('{"size":512,"name":"{\\"size\\":1,\\\\"}')).statusCode).toBe(200);
  });
  it('refuses 2 MiB with 413', async () => {
    const answer = await json(`{"name":"${'x'.repeat(2 * 1024 ** 2)}","size":512}`);
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'body-too-large']);
  });
  it('needs none where the contract has none', async () => {
    expect((await server.request('POST', '/poke')).status).toBe(200);
    expect((await server.request('POST', '/poke', {})).status).toBe(200);
    expect((await post('application/json', '')).statusCode).toBe(400);
    expect((await server.request('POST', '/poke', { now: true })).status).toBe(400);
  });
  it('refuses an option that the call does not have', async () => {
    expect((await server.request('GET', '/things/abcd?plan=1')).status).toBe(400);
    expect((await server.request('GET', '/things/abcd?wait=5')).status).toBe(200);
  });
});

describe('addresses and headers', () => {
  it.each([
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e%2f',
    '%00',
    'x'.repeat(200),
    '%F0%9F%92%A9',
    '../../../etc/passwd',
    '%zz',
    '%',
  ])('answers the id %s with 400 or 404', async (id) => {
    const before = calls;
    const answer = await get([host(), token()], `${apiPrefix}/things/${id}`);
    expect([400, 404]).toContain(statusOf(answer));
    expect(answer).toContain('application/problem+json');
    expect(calls).toBe(before);
  });
  it('says which methods an address takes', async () => {
    const answer = await server.request('DELETE', '/things/abcd');
    expect([answer.status, answer.body.code, answer.headers.allow]).toEqual([
      405,
      'method-not-allowed',
      'GET, HEAD',
    ]);
  });
  it('protects every answer, also those to errors', async () => {
    for (const path of ['/healthz', '/', '/api/v1/things/abcd', '/api/v1/nothing', '/%zz', '/api/docs/']) {
      const { headers } = await server.request('GET', `/${path}`);
      expect([path, headers['content-security-policy']]).toEqual([path, contentSecurityPolicy]);
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      if (path.startsWith('/api/v1')) expect(headers['cache-control']).toBe('no-store');
    }
  });
  it('refuses headers of 17 KiB, a body of two lengths, and TRACE', async () => {
    expect(statusOf(await get([host(), token(), `X: ${'x'.repeat(17 * 1024)}`]))).toBe(431);
    const smuggled = await rawHttp(
      server.port,
      `POST ${apiPrefix}/echo HTTP/1.1\r\n${host()}\r\n${token()}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    expect(statusOf(smuggled)).toBe(400);
    expect([404, 405]).toContain(
      statusOf(await rawHttp(server.port, `TRACE / HTTP/1.1\r\n${host()}\r\n${token()}\r\n\r\n`)),
    );
  });
  it('ends requests that never end with 408', async () => {
    expect(statusOf(await rawHttp(server.port, 'GET / HTTP/1.1\r\nHost:', 3000))).toBe(408);
    const slowBody = `POST ${apiPrefix}/echo HTTP/1.1\r\n${host()}\r\n${token()}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;
    expect(statusOf(await rawHttp(server.port, slowBody, 3000))).toBe(408);
  });
});

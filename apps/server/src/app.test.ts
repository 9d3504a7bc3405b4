import { apiPrefix, endpoints } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp, type StrataApp } from './app.ts';
import { testDataDir } from './testing/test-app.ts';

const folder = testDataDir();
let strata: StrataApp;
const routes: Array<{ method: string; url: string }> = [];
beforeAll(async () => {
  strata = await buildApp({
    version: '0.0.0-test',
    host: '127.0.0.1',
    port: 0,
    dataDir: folder.dataDir,
    runDir: folder.runDir,
    open: false,
    token: 'test-token',
    webRoot: null,
    logLevel: 'silent',
  });
  await strata.app.ready();
  const described = strata.app.swagger().paths ?? {};
  for (const [url, methods] of Object.entries(described))
    for (const method of Object.keys(methods ?? {})) routes.push({ method: method.toUpperCase(), url });
});
afterAll(async () => {
  await strata.close();
  folder.remove();
});

it('binds every call of the contract and nothing else', () => {
  const contract = Object.values(endpoints).map(
    ({ method, path }) => `${method} ${apiPrefix}${path.replace(/:(\w+)/g, '{$1}')}`,
  );
  expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toEqual(contract.sort());
});

it('asks for the token on every one of them, except where a session begins', async () => {
  for (const { method, url } of routes) {
    const path = url.replace(/\{\w+\}/g, 'abcd');
    const answer = await strata.app.inject({
      method: method as 'GET',
      url: path,
      headers: { host: '127.0.0.1' },
    });
    expect([method, path, answer.statusCode]).toEqual([
      method,
      path,
      url === `${apiPrefix}/session` ? 400 : 401,
    ]);
  }
});

it('answers an id that does not exist with 404, with words, everywhere', async () => {
  for (const { method, url } of routes.filter(
    (route) => route.method !== 'POST' && /\{id\}/.test(route.url),
  )) {
    const answer = await strata.app.inject({
      method: method as 'GET',
      url: url.replace(/\{\w+\}/g, 'zzzzzzzzzzzz'),
      headers: { host: '127.0.0.1', authorization: 'Bearer test-token' },
      ...(method === 'GET' || method === 'DELETE'
        ? {}
        : {
            payload: url.includes('/operations/')
              ? { bytesPerSecond: 0 }
              : url.includes('/media/')
                ? { imageId: null }
                : { name: 'x' },
          }),
    });
    expect([method, url, answer.statusCode, answer.json().code]).toEqual([method, url, 404, 'not-found']);
  }
});

it('describes the host, also while nothing else is there', async () => {
  const answer = await strata.app.inject({
    url: `${apiPrefix}/host`,
    headers: { host: '127.0.0.1', authorization: 'Bearer test-token' },
  });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({ version: '0.0.0-test', dataDir: folder.dataDir });
  expect(answer.json().storage[0]).toMatchObject({ path: folder.dataDir, free: expect.any(Number) });
  expect(answer.json().tools['qemu-img'].purpose).toContain('images');
});

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { apiPrefix, endpoints, type Host } from '@strata/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp, type StrataApp } from './app.ts';
import { openStore } from './db/open-store.ts';
import { testDataDir } from './testing/test-app.ts';

const folder = testDataDir();
let strata: StrataApp;
const headers = { host: '127.0.0.1', authorization: 'Bearer test-token' };
const buildOn = ({ dataDir, runDir }: { dataDir: string; runDir: string }): Promise<StrataApp> =>
  buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir, runDir },
    ...{ open: false, token: 'test-token', webRoot: null, logLevel: 'silent' },
  });
const routes: Array<{ method: string; url: string }> = [];
beforeAll(async () => {
  strata = await buildOn(folder);
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

/** What a call with that address takes, unless it takes a name. */
const bodies: Readonly<Record<string, unknown>> = {
  '/operations/': { bytesPerSecond: 0 },
  '/media/': { imageId: null },
  '/schedule': { enabled: false, every: { count: 1, unit: 'days' }, keep: 1 },
};
const queryFor = (url: string) =>
  url.endsWith('/compare') ? '?from=current&to=current&disk=zzzzzzzzzzzz' : '';
const bodyFor = (url: string) =>
  Object.entries(bodies).find(([part]) => url.includes(part))?.[1] ?? { name: 'x' };

it('answers an id that does not exist with 404, with words, everywhere', async () => {
  for (const { method, url } of routes.filter(
    (route) => route.method !== 'POST' && /\{id\}/.test(route.url),
  )) {
    const answer = await strata.app.inject({
      method: method as 'GET',
      url: url.replace(/\{\w+\}/g, 'zzzzzzzzzzzz') + queryFor(url),
      headers: { host: '127.0.0.1', authorization: 'Bearer test-token' },
      ...(method === 'GET' || method === 'DELETE' ? {} : { payload: bodyFor(url) as object }),
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

it('starts and answers when a VM cannot be taken up, and says so on the Host page', async () => {
  const other = testDataDir();
  const before = await buildOn(other);
  const made = await Promise.all(
    ['Broken', 'Whole'].map((name) =>
      before.app.inject({ method: 'POST', url: `${apiPrefix}/vms`, headers, payload: { name } }),
    ),
  );
  const id = made[0]?.json().id as string;
  await before.close();
  const db = openStore(other.dataDir);
  db.prepare('UPDATE vms SET process = ? WHERE id = ?').run(
    JSON.stringify({ bootId: 'an earlier one', pid: 4_000_000, startTime: '1', argv: [], hardware: '' }),
    id,
  );
  db.close();
  // Its last words shall be read, and are a folder.
  mkdirSync(join(other.dataDir, 'vms', id, 'qemu.log'), { recursive: true });

  const after = await buildOn(other);
  const get = (path: string) => after.app.inject({ url: apiPrefix + path, headers });
  const list = (await get('/vms')).json() as { items: { name: string }[] };
  const { problems } = (await get('/host')).json() as Host;
  await after.close();
  other.remove();
  expect(list.items.map(({ name }) => name)).toEqual(['Broken', 'Whole']);
  expect(problems[0]).toMatchObject({
    code: 'not-taken-up',
    message: expect.stringContaining('The VM "Broken" could not be looked at.'),
  });
});

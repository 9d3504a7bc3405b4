import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-app.ts';

let webRoot: string;
let server: TestServer;
beforeAll(async () => {
  webRoot = mkdtempSync(join(tmpdir(), 'strata-web-'));
  mkdirSync(join(webRoot, 'assets'));
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Strata</title>');
  writeFileSync(join(webRoot, 'assets', 'index-abc.js'), '1;');
  writeFileSync(join(webRoot, '.secret'), 'x');
  server = await startTestServer({ config: { webRoot } });
});
afterAll(async () => {
  await server.stop();
  rmSync(webRoot, { recursive: true });
});
const get = (path: string) => server.request('GET', `/${path}`, undefined, { authorization: '' });

it.each(['/', '/index.html', '/vms/vm01', '/vms/vm01/layers?x=1', '/library'])(
  'answers %s with the page, to everyone, never cached',
  async (path) => {
    const { status, headers, raw } = await get(path);
    expect([status, String(raw)]).toEqual([200, '<!doctype html><title>Strata</title>']);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-cache');
  },
);
it('lets files with a hash in their name be kept for ever', async () => {
  const { status, headers } = await get('/assets/index-abc.js');
  expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
});
it.each(['/assets/index-old.js', '/.secret', '/..%2f..%2fetc%2fpasswd', '/favicon.ico'])(
  'has no page for the missing file %s',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);
it('takes nothing but GET for a page', async () => {
  expect((await server.request('POST', '//vms/vm01')).status).toBe(404);
});
it('gives no page for unknown addresses of the API', async () => {
  expect((await get('/api/v1/nothing')).status).toBe(401);
  expect((await server.request('GET', '/nothing')).status).toBe(404);
});

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeQcow2File } from '../../testing/qcow2-file.ts';
import { startTestServer, type TestServer } from '../../testing/test-app.ts';
import { imagesRoutes } from './images.routes.ts';
import { createImagesFeature, type ImagesFeature } from './images.service.ts';

let server: TestServer;
let feature: ImagesFeature;
beforeEach(async () => {
  server = await startTestServer({
    routes: async (app, { config, db, events }) => {
      feature = createImagesFeature({ config, db, events });
      imagesRoutes(app, feature, config);
      await feature.start();
    },
  });
});
afterEach(async () => {
  await feature.close();
  await server.stop();
});

const at = (name: string): string => join(server.dataDir, 'images', name);

test('lists, pages, searches and sorts', async () => {
  for (const name of ['b', 'a', 'c']) writeQcow2File(at(`${name}.qcow2`));
  const scanned = await server.request('POST', '/folders/scan', {});
  expect(scanned.status).toBe(200);
  const first = await server.request('GET', '/images?limit=2&sort=-name');
  expect(first.body.items.map((image: { name: string }) => image.name)).toEqual(['c.qcow2', 'b.qcow2']);
  expect(first.body.total).toBe(3);
  const second = await server.request('GET', `/images?limit=2&sort=-name&cursor=${first.body.nextCursor}`);
  expect(second.body.items.map((image: { name: string }) => image.name)).toEqual(['a.qcow2']);
  expect((await server.request('GET', '/images?q=B.QC')).body.total).toBe(1);
  expect((await server.request('GET', '/images?sort=colour')).status).toBe(400);
});

test('answers one image, its chain, its map and the forest', async () => {
  writeQcow2File(at('base.qcow2'));
  writeQcow2File(at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
  const { body } = await server.request('POST', '/folders/scan', {});
  const [base, top] = body.items;
  expect((await server.request('GET', `/images/${top.id}`)).body).toEqual(top);
  const chain = await server.request('GET', `/images/${top.id}/chain`);
  expect(chain.body.layers.map((layer: { id: string }) => layer.id)).toEqual([top.id, base.id]);
  const map = await server.request('GET', `/images/${top.id}/map?columns=16`);
  expect(map.body).toMatchObject({ virtualSize: 64 * 1024 ** 2, approximate: false });
  const part = await server.request('GET', `/images/${top.id}/map?start=65536&length=131072`);
  expect(part.body).toMatchObject({ virtualSize: 64 * 1024 ** 2, start: 65_536, length: 131_072 });
  const behind = await server.request('GET', `/images/${top.id}/map?start=${64 * 1024 ** 2}`);
  expect(behind).toMatchObject({ status: 422, body: { code: 'not-possible' } });
  expect((await server.request('GET', `/images/${top.id}/map?columns=0`)).status).toBe(400);
  const forest = await server.request('GET', '/forest');
  expect(forest.body).toMatchObject({ complete: true, edges: [{ from: top.id, to: base.id }] });
  const renamed = await server.request('PATCH', `/images/${top.id}`, { name: 'Top' });
  expect(renamed.body).toMatchObject({ name: 'Top', path: at('top.qcow2') });
});

test('deletes to the trash and back, and names who is in the way', async () => {
  writeQcow2File(at('base.qcow2'));
  writeQcow2File(at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
  const [base, top] = (await server.request('POST', '/folders/scan', {})).body.items;
  const refused = await server.request('DELETE', `/images/${base.id}`);
  expect(refused).toMatchObject({ status: 409, body: { code: 'image-in-use', usedBy: [{ id: top.id }] } });
  expect(await server.request('DELETE', `/images/${top.id}`)).toMatchObject({
    status: 200,
    body: { ok: true },
  });
  const trash = await server.request('GET', '/trash');
  const restored = await server.request('POST', `/trash/${trash.body.items[0].id}/restore`, {});
  expect(restored).toMatchObject({ status: 200, body: { id: top.id, backingId: base.id } });
  await server.request('DELETE', `/images/${top.id}`);
  const [item] = (await server.request('GET', '/trash')).body.items;
  expect((await server.request('DELETE', `/trash/${item.id}`)).status).toBe(200);
  expect((await server.request('GET', '/trash')).body.total).toBe(0);
});

test('browses the host for folders and images, and nothing of the system', async () => {
  writeQcow2File(at('a.qcow2'));
  writeFileSync(at('letter.txt'), 'x');
  const { body } = await server.request('GET', `/host/browse?path=${at('')}`);
  expect(body.entries.map((entry: { name: string }) => entry.name)).toEqual(['a.qcow2']);
  expect(body.parent).toBe(dirname(server.dataDir));
  expect((await server.request('GET', '/host/browse')).status).toBe(200);
  for (const path of ['/proc', '/dev', server.dataDir])
    expect((await server.request('GET', `/host/browse?path=${path}`)).body.code).toBe('forbidden-path');
  expect((await server.request('GET', '/host/browse?path=/nowhere')).status).toBe(404);
});

test('malformed and impossible requests are told apart', async () => {
  expect((await server.request('GET', '/images/../../etc')).status).toBe(404);
  expect((await server.request('GET', '/images/unknown1')).status).toBe(404);
  expect((await server.request('POST', '/images', { name: 'x', size: 513 })).status).toBe(400);
  expect((await server.request('POST', '/images', { name: 'x\n', size: '1G', bad: 1 })).status).toBe(400);
  expect((await server.request('POST', '/images', { name: 'x', size: '1G', folder: '/etc' })).status).toBe(
    403,
  );
  expect((await server.request('POST', '/folders', { path: '/' })).status).toBe(403);
  expect((await server.request('DELETE', '/folders/unknown1')).status).toBe(404);
});

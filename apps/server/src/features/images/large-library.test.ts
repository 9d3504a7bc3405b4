import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestLibrary } from '../../testing/image-library.ts';
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

const nameOf = (index: number): string => `${String(index).padStart(4, '0')}.qcow2`;
const count = 2000;

/** Milliseconds of processor time, which other work of the machine does not change; the best of some. */
const costOf = async (path: string): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 6; time += 1) {
    const before = process.cpuUsage();
    await server.request('GET', path);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
};

test('a page of 2,000 images costs what the page costs, and light calls go on during a scan', {
  timeout: 120_000,
}, async () => {
  for (let index = 0; index < count; index += 1)
    writeQcow2File(
      join(server.dataDir, 'images', nameOf(index)),
      index === 0 ? {} : { backing: nameOf(index % 20 === 0 ? 0 : index - 1), backingFormat: 'qcow2' },
    );
  let scanned = false;
  let answered = 0;
  const scan = feature.images.scan().then(() => {
    scanned = true;
  });
  while (!scanned) {
    await server.request('GET', '/trash');
    answered += 1;
    await setImmediate();
  }
  await scan;
  expect(answered).toBeGreaterThan(5);

  const [page, forest] = [await costOf('/images?limit=50'), await costOf('/forest')];
  console.info(`2,000 images: a page ${page.toFixed(1)} ms of processor, the forest ${forest.toFixed(1)} ms`);
  expect(page * 3).toBeLessThan(forest);

  const seen = new Set<string>();
  for (let cursor = ''; ; ) {
    const { body } = await server.request('GET', `/images?limit=500&sort=-name${cursor}`);
    expect(body.total).toBe(count);
    for (const { name } of body.items) seen.add(name);
    if (body.nextCursor === undefined) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(seen.size).toBe(count);
});

test('changes in a large library are told in parts, all of them', async () => {
  const library = await startTestLibrary();
  try {
    for (let index = 0; index < 450; index += 1) writeQcow2File(library.at(nameOf(index)));
    await library.images.scan();
    const ids = library.images.list().map(({ id }) => `image/created/${id}`);
    await expect.poll(() => ids.filter((event) => !library.told.includes(event))).toEqual([]);
    expect(ids).toHaveLength(450);
  } finally {
    await library.stop();
  }
});

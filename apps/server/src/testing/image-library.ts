import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from '@strata/contract';
import type { Db } from '../db/open-database.ts';
import { createEventsService } from '../features/events/events.service.ts';
import { createImagesFeature, type ImagesFeature } from '../features/images/images.service.ts';
import type { UseSource } from '../features/images/images.types.ts';
import { openTestDatabase } from './test-database.ts';

export interface TestLibrary extends ImagesFeature {
  readonly db: Db;
  readonly dataDir: string;
  /** The default folder. */
  readonly folder: string;
  /** Somewhere outside the library. */
  readonly outside: string;
  /** `type/change/id` of what was told to the pages. */
  readonly told: string[];
  at(name: string): string;
  byName(name: string): Image;
  stop(): Promise<void>;
}

/** A library on a fresh data folder and database. */
export const startTestLibrary = async (uses: UseSource = {}): Promise<TestLibrary> => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'strata-library-')));
  const [dataDir, outside] = [join(root, 'data'), join(root, 'outside')];
  for (const path of [join(dataDir, 'images'), join(dataDir, 'trash'), outside])
    mkdirSync(path, { recursive: true });
  const { db, dispose } = openTestDatabase();
  const events = createEventsService();
  const told: string[] = [];
  events.subscribe(({ type, change, id }) => told.push(`${type}/${change}/${id}`));
  const feature = createImagesFeature({ config: { dataDir }, db, events });
  feature.images.addUseSource(uses);
  await feature.start();
  const folder = join(dataDir, 'images');
  return {
    ...feature,
    db,
    dataDir,
    folder,
    outside,
    told,
    at: (name) => join(folder, name),
    byName: (name) => {
      const found = feature.images.list().filter((image) => image.name === name);
      if (found.length !== 1 || found[0] === undefined)
        throw new Error(`${found.length} images are called ${name}`);
      return found[0];
    },
    stop: async () => {
      await feature.close();
      events.close();
      dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVmBody, type Image } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { type Db, transaction } from '../../../db/open-database.ts';
import { newId } from '../../../new-id.ts';
import { type BlockWrite, writeBlocks } from '../../../qemu/qemu-io.ts';
import { newDefinition } from '../vm-definition.ts';
import type { VmsContext } from '../vms.context.ts';
import { bootSector, sectorSize } from './boot-sector.ts';

const mebi = 1024 ** 2;
const diskSize = 64 * mebi;
const bootFile = 'boot-sector.bin';

const region = (start: number, length: number, pattern: number): BlockWrite => ({
  offset: start * mebi,
  length: length * mebi,
  pattern,
});

/**
 * What each layer holds, so that the cross-section shows what layers do (positions in MiB):
 *
 *     active  ........ ....======...................................==....
 *     layer   ....==== ====...........................======.............
 *     base    B===........========........======..........................
 *             0       8       16      24      32      40      48      56
 *     branch (on base)    ====........====
 */
const contents = {
  base: [region(1, 3, 0xb1), region(12, 8, 0xb2), region(28, 6, 0xb3)],
  layer: [region(4, 4, 0xa1), region(16, 4, 0xa2), region(44, 5, 0xa3)],
  active: [region(6, 1, 0xc1), region(18, 3, 0xc2), region(56, 2, 0xc3)],
  branch: [region(14, 4, 0xd1), region(32, 5, 0xd2)],
} as const;

const firstFreeName = (context: VmsContext, wish: string | undefined): string => {
  const taken = (name: string): boolean => context.repository.idOfName(name) !== null;
  if (wish !== undefined) {
    if (taken(wish))
      throw new AppError('name-taken', `There is a VM named "${wish}" already. Choose another name.`);
    return wish;
  }
  let name = 'Demo';
  for (let number = 2; taken(name); number += 1) name = `Demo ${number}`;
  return name;
};

interface DemoImages {
  readonly base: Image;
  readonly layer: Image;
  readonly active: Image;
  readonly branch: Image;
}

/** base ← layer ← active, and branch on base; written from the bottom up, while nothing stands on them yet. */
const makeImages = async (context: VmsContext, name: string, made: string[]): Promise<DemoImages> => {
  const { images } = context;
  const folder = await mkdtemp(join(tmpdir(), 'strata-demo-'));
  const keep = (image: Image): Image => {
    made.push(image.id);
    return image;
  };
  const overlay = async (on: Image, part: string, writes: readonly BlockWrite[]): Promise<Image> => {
    const image = keep(await images.createOverlay({ backingId: on.id, stem: `${name}-${part}` }));
    await writeBlocks(image, writes, folder);
    return image;
  };
  try {
    await writeFile(join(folder, bootFile), bootSector(), { mode: 0o600 });
    const base = keep(
      await images.create(
        { name: `${name}-base`, format: 'qcow2', size: diskSize, preallocation: 'off' },
        'unique',
      ),
    );
    await writeBlocks(base, [{ offset: 0, length: sectorSize, file: bootFile }, ...contents.base], folder);
    const layer = await overlay(base, 'layer', contents.layer);
    const active = await overlay(layer, 'active', contents.active);
    const branch = await overlay(base, 'branch', contents.branch);
    await images.refresh([base.id, layer.id, active.id, branch.id]);
    return { base, layer, active, branch };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The frozen layers are restore points from the start: there is something to revert to at once. */
const recordSnapshots = (db: Db, vmId: string, diskId: string, images: DemoImages): string => {
  const insert = db.prepare(
    `INSERT INTO snapshots (id, vm_id, parent_id, name, description, kind, memory, consistency, vm_was_off, created_at)
     VALUES (?, ?, ?, ?, ?, 'external', 0, 'crash', 1, ?)`,
  );
  const insertDisk = db.prepare(
    'INSERT INTO snapshot_disks (snapshot_id, disk_id, image_id) VALUES (?, ?, ?)',
  );
  const add = (parentId: string | null, name: string, description: string, imageId: string): string => {
    const id = newId();
    insert.run(id, vmId, parentId, name, description, new Date().toISOString());
    insertDisk.run(id, diskId, imageId);
    return id;
  };
  const fresh = add(
    null,
    'Fresh disk',
    'The base: nothing but the boot sector and some data.',
    images.base.id,
  );
  return add(fresh, 'More data', 'The first overlay; the disk has not been booted yet.', images.layer.id);
};

/** A VM that boots in about a second and counts its boots on its disk, with a chain to play with. */
export const createDemo = async (context: VmsContext, db: Db, wish: string | undefined): Promise<string> => {
  const name = firstFreeName(context, wish);
  const id = newId();
  const target = await context.capabilities.target('x86_64');
  const taken = new Set(context.repository.all().flatMap((vm) => vm.definition.nics.map((nic) => nic.mac)));
  const definition = newDefinition(
    id,
    createVmBody.parse({
      name,
      memory: 32 * mebi,
      boot: { order: ['disk'] },
      nics: [],
      notes:
        'A boot sector that counts its boots on its own disk. Start it, take a snapshot, reset it, revert: the number goes back.',
    }),
    target,
    taken,
  );
  const made: string[] = [];
  try {
    const images = await makeImages(context, name, made);
    const diskId = newId();
    const disk = {
      id: diskId,
      imageId: images.active.id,
      bus: 'virtio',
      cache: 'writeback',
      discard: true,
    } as const;
    transaction(db, () => {
      context.repository.insert({
        ...{ id, uuid: randomUUID(), name, definition, disks: [disk] },
        createdAt: new Date().toISOString(),
      });
      context.repository.setCurrentSnapshot(id, recordSnapshots(db, id, diskId, images));
    });
    context.repository.addEvent(id, 'created', 'demo');
    return id;
  } catch (error) {
    for (const imageId of made.reverse()) await context.images.delete(imageId).catch(() => {});
    throw error;
  }
};

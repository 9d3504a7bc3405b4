import { createHash } from 'node:crypto';
import { readdir, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import type {
  DiskUse,
  ExtentList,
  Forest,
  Layer,
  MediaUse,
  OperationUse,
  SnapshotUse,
} from '@strata/backing-chain';
import { normalize, overlaysOf, standsOn } from '@strata/backing-chain';
import type { Image, ImageFormat } from '@strata/contract';
import { readImageHeader, readQcow2Allocation, resolveBacking } from '@strata/disk-image';
import { AppError } from '../../../app-error.ts';
import type { Db } from '../../../db/open-database.ts';
import { newId } from '../../../new-id.ts';
import { readTags } from '../../../qemu/image-tags.ts';
import { putWholeFileSync } from '../../../qemu/put-whole-file.ts';
import { mapImage, writeOverlay } from '../../../qemu/qemu-img.ts';
import { demandUnwritten } from '../../images/demand-unwritten.ts';
import type { ImageFacts, ImagesService, UseSource } from '../../images/images.types.ts';
import { usageOf } from '../../images/layer-usage.ts';
import { tagNamed } from '../../images/readable-tag.ts';

/** What chain operations need of a library: one folder, its real headers, its real files. Names are file names. */
export interface BenchImages extends ImagesService {
  idOf(name: string): string;
  pathOf(name: string): string;
}

interface Known {
  readonly layer: Layer;
  readonly format: ImageFormat;
}

const unused = (): never => {
  throw new Error('not part of the bench');
};

export const benchImages = (folder: string, db: Db): BenchImages => {
  const sources: UseSource[] = [];
  const ids = new Map<string, string>();
  let known = new Map<string, Known>();

  const idOfPath = (path: string): string => {
    const id =
      ids.get(path) ??
      (db.prepare('SELECT id FROM images WHERE path = ?').pluck().get(path) as string | undefined) ??
      newId();
    ids.set(path, id);
    db.prepare(
      `INSERT OR IGNORE INTO images (id, name, path, format, device, inode, file_size, mtime_ns, facts, created_at)
       VALUES (?, ?, ?, 'qcow2', '', '', 0, '', '{}', '')`,
    ).run(id, basename(path), path);
    return id;
  };

  const read = async (path: string): Promise<[string, Known]> => {
    const header = await readImageHeader(path);
    const { blocks, mode } = await stat(path);
    const target = header.backing === null ? null : resolveBacking(path, header.backing.string);
    const backing = target?.kind === 'file' ? await realpath(target.path).catch(() => null) : null;
    const layer: Layer = {
      id: idOfPath(path),
      name: basename(path, extname(path)),
      path,
      format: header.kind,
      virtualSize: header.virtualSize,
      allocatedBytes: blocks * 512,
      backingId: backing === null ? null : idOfPath(backing),
      backingState: target === null ? 'none' : backing === null ? 'missing' : 'ok',
      internalSnapshots: (header.qcow2?.snapshots ?? []).map(({ id, tag }) => ({ id, tag })),
      writable: (mode & 0o200) !== 0,
      present: true,
      ...(header.qcow2 === undefined ? {} : { clusterSize: 2 ** header.qcow2.clusterBits }),
    };
    return [layer.id, { layer, format: header.kind as ImageFormat }];
  };

  const scan = async (): Promise<void> => {
    const names = (await readdir(folder)).filter((name) => /\.(qcow2|raw)$/.test(name));
    known = new Map(await Promise.all(names.map((name) => read(join(folder, name)))));
  };

  const collect = <Use>(of: (source: UseSource) => Use[] | undefined): Use[] =>
    sources.flatMap((source) => of(source) ?? []);

  const forest = (): Forest => ({
    layers: new Map([...known].map(([id, { layer }]) => [id, layer])),
    disks: collect<DiskUse>((source) => source.disks?.()),
    media: collect<MediaUse>((source) => source.media?.()),
    snapshots: collect<SnapshotUse>((source) => source.snapshots?.()),
    operations: collect<OperationUse>((source) => source.operations?.()),
    exports: [],
    trashed: [],
    complete: true,
  });

  const find = (id: string): Known => {
    const found = known.get(id);
    if (found === undefined) throw new AppError('not-found', `There is no image ${id}.`);
    return found;
  };

  const facts = (id: string): ImageFacts => {
    const { layer, format } = find(id);
    return {
      id,
      format,
      name: layer.name,
      path: layer.path,
      virtualSize: layer.virtualSize,
      allocatedSize: layer.allocatedBytes,
      backingId: layer.backingId,
      present: true,
    };
  };

  const chainFacts = (id: string): ImageFacts[] => {
    const top = facts(id);
    return top.backingId === null ? [top] : [top, ...chainFacts(top.backingId)];
  };

  /** The fields that operations look at. */
  const toImage = (id: string): Image =>
    ({
      ...facts(id),
      overlays: overlaysOf(forest(), id).map((layer) => layer.id),
      usedBy: standsOn(forest(), id).map(({ kind, subject }) => ({
        kind: kind === 'disk' ? 'vm' : kind,
        id: subject.id,
        name: subject.name,
      })),
      problems: collect((source) => source.taints?.())
        .filter((taint) => taint.imageId === id)
        .map(({ message, repair }) => ({ code: 'tainted', message, repair })),
    }) as unknown as Image;

  const remove = async (id: string, dispose: (path: string) => Promise<void>): Promise<void> => {
    const found = known.get(id);
    if (found === undefined) return;
    await dispose(found.layer.path);
    known.delete(id);
    ids.delete(found.layer.path);
    db.prepare('DELETE FROM images WHERE id = ?').run(id);
  };

  const allocation = async (id: string): Promise<ExtentList> => {
    const { layer, format } = find(id);
    if (format === 'qcow2')
      return normalize(
        (await readQcow2Allocation(layer.path)).extents.map(({ start, length }) => [start, length] as const),
      );
    const ranges = await mapImage({ path: layer.path, format });
    return normalize(ranges.filter(({ data }) => data).map(({ start, length }) => [start, length] as const));
  };

  const placeOverlay = (stem: string): string => {
    const digest = createHash('sha256').update(newId()).digest('hex').slice(0, 6);
    return join(folder, `${stem.replace(/\W+/g, '-')}-${digest}.qcow2`);
  };
  const createPlacedOverlay = async (placed: { backingId: string; path: string }): Promise<ImageFacts> => {
    const { path } = placed;
    const backing = facts(placed.backingId);
    const { format: backingFormat, virtualSize: size } = backing;
    const overlay = { path, backing: relative(folder, backing.path), backingFormat, size };
    await writeOverlay(overlay, async (part, content) => putWholeFileSync(part, path, content));
    await scan();
    return facts(idOfPath(path));
  };
  return {
    idOf: (name) => idOfPath(join(folder, name)),
    pathOf: (name) => join(folder, name),
    addUseSource: (source) => void sources.push(source),
    list: () => [...known.keys()].map(toImage),
    get: toImage,
    facts,
    chainFacts,
    checkedChain: async (id) => {
      await scan();
      return chainFacts(id);
    },
    readableTag: async (id, tag) => {
      const { name, path } = facts(id);
      await demandUnwritten(forest(), facts(id), 'Shut it down.');
      return tagNamed(name, await readTags(path), tag).id;
    },
    page: unused,
    rename: unused,
    forest,
    scan,
    refresh: scan,
    refreshSoon: () => void scan().catch(() => undefined),
    undisturbed: (work) => work(),
    findByPath: (path) => [...known.keys()].map(facts).find((image) => image.path === path) ?? null,
    chain: unused,
    map: unused,
    create: unused,
    register: unused,
    setFlusher: () => {},
    createOverlay: async ({ backingId, stem }) =>
      toImage((await createPlacedOverlay({ backingId, path: placeOverlay(stem) })).id),
    placeOverlays: async (wishes) => wishes.map(({ stem }) => placeOverlay(stem)),
    createPlacedOverlay,
    allocation,
    usage: (id) => usageOf(facts(id), () => allocation(id)),
    delete: (id) => {
      const standing = standsOn(forest(), id);
      if (standing.length > 0)
        throw new AppError('image-in-use', standing.map(({ words }) => words).join(' '));
      return remove(id, (path) => rename(path, `${path}.trash`));
    },
    unlinkMerged: (id) => remove(id, (path) => unlink(path)),
  };
};

import { type ImageChain, imageMapQuery, type Problem } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import type { Events } from '../events/events.types.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { isAsKnown } from './as-known.ts';
import { approvedChain, visibleChain } from './chain-facts.ts';
import { createEmptyImage, createOverlayImage } from './create-images.ts';
import { debounced } from './debounced.ts';
import { demandUnwritten } from './demand-unwritten.ts';
import { startQuickReader } from './disk-reader.ts';
import { createExclusive } from './exclusive.ts';
import { NotImages } from './find-new.ts';
import { createFolderWatch } from './folder-watch.ts';
import { createFoldersService, type FoldersService } from './folders.service.ts';
import { gathered } from './gathered.ts';
import { ImageAnnouncements } from './image-announcements.ts';
import { pageOf } from './image-list.ts';
import { ImageMaps } from './image-maps.ts';
import { ImageMemory } from './image-memory.ts';
import { fileKey, type ImageRecord, statKey } from './image-record.ts';
import { ImageWorld } from './image-world.ts';
import { createImagesRepository } from './images.repository.ts';
import type { ImageFacts, ImagesService } from './images.types.ts';
import { registerImage } from './import-images.ts';
import { hasImageName, inspectFile } from './inspect-file.ts';
import { Library } from './library.ts';
import type { Adoption, LibraryAccess } from './library-access.ts';
import { isAwaited, type ScanScope, scanLibrary } from './library-scan.ts';
import { createLinkFiles, type LinkFiles } from './link-files.ts';
import { mapBounded } from './map-bounded.ts';
import { createMoveFiles, type MoveFiles } from './move-files.ts';
import { createNewFiles, type NewFiles } from './new-files.ts';
import { isWithin } from './path-trees.ts';
import { createPlacedOverlay, placeOverlays } from './placed-overlays.ts';
import { glance, type Look, leadsTheSame, newRecord, reread, saysTheSame } from './read-record.ts';
import { tagNamed } from './readable-tag.ts';
import { createBackingMemory } from './remember-backings.ts';
import { leadsWhereItLed, resolveBackings } from './resolve-backings.ts';
import { createTrashService, type TrashService } from './trash.service.ts';
import { createTrashKeeper, type TrashKeeper } from './trash-keeper.ts';

export interface ImagesFeature {
  readonly images: ImagesService;
  readonly folders: FoldersService;
  readonly trash: TrashService;
  readonly trashKeeper: TrashKeeper;
  /** For operations that make or move files: each action by itself, safe to repeat. */
  readonly newFiles: NewFiles;
  readonly moveFiles: MoveFiles;
  readonly linkFiles: LinkFiles;
  /** For files that come from outside: judged before they are images. */
  readonly arrivals: Arrivals;
  readonly access: LibraryAccess;
  /** For tests: what every overlay stands on has been noted. */
  remembered(): Promise<void>;
  /** After the use sources are known: recovers the trash, scans, watches. */
  start(): Promise<void>;
  close(): Promise<void>;
}

interface Deps {
  readonly config: { readonly dataDir: string };
  readonly db: Db;
  readonly events: Events;
}

/** What follows an interruption at once meets the guest's own next writes. */
const lingerMilliseconds = 300;
const refreshPace = { quiet: 100, longest: 1000 };

export const createImagesFeature = ({ config, db, events }: Deps): ImagesFeature => {
  const { dataDir } = config;
  const repository = createImagesRepository(db);
  const library = new Library(repository);
  const memory = new ImageMemory(db);
  const world = new ImageWorld(library, memory);
  const backingMemory = createBackingMemory(library, world, memory, () => isHeld());
  const maps = new ImageMaps(world);
  const announcements = new ImageAnnouncements(world, events);
  const notImages = new NotImages();
  const exclusive = createExclusive();
  let folderProblems = new Map<string, Problem[]>();
  let watchProblem: Problem | null = null;
  /** So many guests wait for what is done in the library. */
  let undisturbed = 0;
  const isHeld = (): boolean => undisturbed > 0;

  const isReferred = ({ id }: ImageRecord): boolean =>
    repository.isReferenced(id) ||
    world.view(id).usedBy.length > 0 ||
    world.taintOf(id) !== undefined ||
    library.trashed().some(({ imageId }) => imageId === id);
  const scope = (): ScanScope => ({
    folders: repository.folders(),
    foundOn: (id, device) => repository.setFolderDevice(id, device),
    // A folder above it may be registered. Opening its lock file would drop the lock (db/instance-lock.ts).
    skip: new Set([dataDir]),
    making: () => world.making(),
    isReferred,
  });

  const scanNow = async (): Promise<void> => {
    const before = JSON.stringify([...folderProblems]);
    folderProblems = await scanLibrary(library, scope(), notImages);
    if (watchProblem?.code === 'scan-failed') watchProblem = null;
    if (before !== JSON.stringify([...folderProblems])) {
      for (const folder of folders.list()) {
        events.publish({ type: 'folder', id: folder.id, change: 'updated', data: folder });
      }
    }
    announcements.now();
    backingMemory.soon();
  };
  const scan = (): Promise<void> => exclusive(scanNow);

  const rereadEach: Look = (records) =>
    mapBounded(records, 8, (record) => reread(record, record.path, isReferred));
  const glanceEach: Look = (records) => glance(records, isReferred);
  const rereadAll = async (ids: readonly string[], look: Look = rereadEach): Promise<void> => {
    const records = ids.map((id) => library.get(id)).filter((record) => record !== undefined);
    const read = await look(records);
    const gone = read.filter((record) => !record.present && !isReferred(record) && !isAwaited(record));
    const changed = read.filter((record, index) => {
      const before = records[index];
      if (record === before || gone.includes(record)) return false;
      return before === undefined || !saysTheSame(record, before);
    });
    const { version } = library;
    // What a power failure takes of this the files say again.
    const goneIds = gone.map(({ id }) => id);
    library.change(changed, goneIds, 'unsynced');
    // A long chain that leads where it led costs its own headers, and not a look at the whole library.
    const leadsElsewhere =
      gone.length > 0 || read.some((record, index) => !leadsTheSame(record, records[index]));
    const led = leadsElsewhere ? () => false : leadsWhereItLed(library, read);
    await resolveBackings(
      library,
      leadsElsewhere
        ? library.all()
        : records.flatMap(({ id }) => library.get(id) ?? []).filter((record) => !led(record)),
    );
    if (library.version === version) return;
    announcements.now();
    backingMemory.soon();
  };

  /** Must run inside `exclusive`. */
  const adoptNow = async (path: string, adoption: Adoption): Promise<ImageRecord> => {
    const inspected = adoption.read?.file ?? (await inspectFile(path));
    const known = library.byPath(path) ?? library.byKey(statKey(inspected.stat));
    const made = newRecord(path, inspected, {
      ...(adoption.name === undefined ? {} : { name: adoption.name }),
      ...(adoption.format === undefined ? {} : { format: adoption.format }),
      fixed: adoption.fixed ?? false,
    });
    if (made === null)
      throw new AppError('image-refused', `${path} is in a format that Strata does not take.`);
    const was = known ?? (adoption.id === undefined ? undefined : library.get(adoption.id));
    const record =
      was === undefined
        ? { ...made, id: adoption.id ?? made.id }
        : { ...made, id: was.id, createdAt: was.createdAt };
    library.change([record], [], adoption.unsynced === true ? 'unsynced' : undefined);
    // An overlay that was waiting for this file finds it now.
    const waits = ({ id }: ImageRecord): boolean => {
      const backing = library.backingOf(id);
      if (backing === undefined || backing.key === null || backing.key === fileKey(record.identity))
        return true;
      return backing.target.kind === 'file' && backing.target.path === path;
    };
    await resolveBackings(
      library,
      [...library.all()].filter((image) => image.id === record.id || waits(image)),
      adoption.read?.others,
    );
    // While somebody's guest waits, the pages do.
    if (isHeld()) announcements.soon();
    else announcements.now();
    backingMemory.soon();
    return record;
  };

  const adoptAndWatch = async (path: string, adoption: Adoption): Promise<ImageRecord> => {
    const record = await adoptNow(path, adoption);
    if (!repository.folders().some((folder) => isWithin(path, folder.path))) watchAll();
    return record;
  };

  const access: LibraryAccess = {
    dataDir,
    library,
    repository,
    world,
    memory,
    rememberCheck: (imageId, checked) => {
      memory.change([{ imageId, checked }]);
      announcements.now();
    },
    rememberChecksums: (imageId, checksums) => {
      memory.change([{ imageId, checksums }]);
      announcements.now();
    },
    rememberUnread: (imageId, unread) => {
      memory.change([{ imageId, unread }]);
      announcements.now();
    },
    folders: () => repository.folders(),
    exclusive,
    adopt: (path, adoption) => exclusive(() => adoptAndWatch(path, adoption)),
    adoptLocked: adoptAndWatch,
    refreshLocked: (ids) => rereadAll(ids),
    glanceLocked: (ids) => rereadAll(ids, glanceEach),
    scanLocked: scanNow,
    announce: () => announcements.now(),
    announceTrash: (id, change) => events.publish({ type: 'trash', id, change }),
  };

  const logged = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      watchProblem = { code: 'scan-failed', message: `The library could not be scanned: ${String(error)}` };
    });
  };
  /** What Strata itself has made or removed is known: only for what others did all folders are looked through. */
  const scanUnlessKnown = async (paths: readonly string[] | null): Promise<void> => {
    const asKnown = paths === null ? [false] : await mapBounded(paths, 8, (path) => isAsKnown(library, path));
    if (asKnown.includes(false)) await scan();
  };
  const watch = createFolderWatch(dataDir, {
    isHeld,
    names: (paths) => logged(scanUnlessKnown(paths)),
    writes: (paths) => {
      const ids = paths.flatMap((path) => library.byPath(path)?.id ?? []);
      // Logs and databases are written all the time; a file that could be an image is worth a scan.
      const unknown = paths.some((path) => library.byPath(path) === undefined && hasImageName(path));
      if (unknown) logged(scan());
      else if (ids.length > 0) logged(exclusive(() => rereadAll(ids)));
    },
    failed: (message) => {
      const repair = 'Raise the limit (sysctl fs.inotify.max_user_watches), or scan by hand.';
      watchProblem = { code: 'watch-failed', message: `Changes are no longer noticed: ${message}`, repair };
    },
  });
  let watched = '';
  const watchAll = (): void => {
    const roots = repository.folders().map(({ path }) => path);
    const lone = [...library.all()]
      .map(({ path }) => path)
      .filter((path) => !roots.some((root) => isWithin(path, root)));
    const wanted = JSON.stringify([roots, lone]);
    if (wanted === watched) return;
    watched = wanted;
    watchProblem = null;
    watch.set(roots, lone);
  };

  const toRefresh = new Set<string>();
  const refreshes = debounced({ ...refreshPace, isHeld }, () => {
    const ids = [...toRefresh];
    toRefresh.clear();
    logged(exclusive(() => rereadAll(ids)));
  });

  const folders = createFoldersService({
    access,
    problemsOf: (id) => [...(folderProblems.get(id) ?? []), ...(watchProblem === null ? [] : [watchProblem])],
    changed: async () => {
      await scan();
      watchAll();
    },
  });
  const trash = createTrashService(access);
  const trashKeeper = createTrashKeeper(db, trash);

  const chain = (id: string): ImageChain => {
    const ids = visibleChain(world, id);
    const memory = repository.snapshotsWithMemory();
    const { trashed } = world.now().forest;
    const marks = world.uses().snapshots.filter(({ imageId }) => ids.includes(imageId));
    return {
      layers: ids.map((layer) => world.view(layer)),
      snapshotsByImage: Object.fromEntries(
        ids.map((layer) => [
          layer,
          marks
            .filter(({ imageId }) => imageId === layer)
            .map(({ snapshotId, name, vmId, vmName, internalTag }) => ({
              id: snapshotId,
              name,
              vmId,
              vmName,
              memory: memory.has(snapshotId),
              ...(internalTag == null ? {} : { tag: internalTag }),
            })),
        ]),
      ),
      trashedByImage: Object.fromEntries(
        ids
          .map((layer) => [layer, trashed.filter(({ imageId }) => imageId === layer)] as const)
          .filter(([, uses]) => uses.length > 0)
          .map(([layer, uses]) => [layer, uses.map(({ trashId, name }) => ({ trashId, name }))]),
      ),
    };
  };

  const glanceAtChains = async (ids: readonly string[]): Promise<void> => {
    const visible = (): string[] => [
      ...new Set(ids.filter((id) => world.has(id)).flatMap((id) => visibleChain(world, id))),
    ];
    // A header that was just read may name a layer that was not: read on until every member was.
    const read = new Set<string>();
    for (let next = visible(); next.length > 0; ) {
      await rereadAll(next, glanceEach);
      for (const member of next) read.add(member);
      next = visible().filter((member) => !read.has(member));
    }
  };
  const chainFacts = (id: string): ImageFacts[] =>
    approvedChain(world, id).map((record) => world.facts(record.id));

  const images: ImagesService = {
    addUseSource: (source) => world.addSource(source),
    list: () => world.views(),
    page: (query) => pageOf(world.listed(), query, (ids) => world.views(ids)),
    get: (id) => world.view(id),
    facts: (id) => world.facts(id),
    findByPath: (path) => {
      const record = library.byPath(path);
      return record === undefined ? null : world.facts(record.id);
    },
    chainFacts,
    checkedChain: gathered(exclusive, glanceAtChains, chainFacts),
    chain,
    readableTag: async (id, tag) => {
      const { name, internalSnapshots } = world.view(id);
      await demandUnwritten(
        world.now().forest,
        world.facts(id),
        'Shut it down, or take an external snapshot of it, which freezes that layer; then what is inside it can be read.',
      );
      return tagNamed(name, internalSnapshots, tag).id;
    },
    forest: () => world.now().forest,
    refresh: (ids) => (ids === undefined ? scan() : exclusive(() => rereadAll(ids))),
    refreshSoon: (ids) => {
      for (const id of ids) toRefresh.add(id);
      refreshes.call();
    },
    undisturbed: async (work) => {
      undisturbed += 1;
      try {
        return await work();
      } finally {
        setTimeout(() => {
          undisturbed -= 1;
        }, lingerMilliseconds).unref();
      }
    },
    scan,
    create: async (request, naming) => {
      const { backing, size } = request;
      if (backing === undefined) {
        if (size === undefined) throw new AppError('invalid-request', 'A size is needed.');
        return world.view((await createEmptyImage(access, { ...request, size }, naming)).id);
      }
      if (size !== undefined && size !== world.facts(backing).virtualSize) {
        throw new AppError(
          'not-possible',
          'An overlay begins with the size of its backing image. Leave the size out.',
        );
      }
      const image = world.view(backing);
      const writers = image.usedBy.filter((use) => use.kind === 'vm' && image.role !== 'media');
      if (writers.length > 0) {
        const vms = writers.map((use) => `the VM “${use.name}”`).join(', ');
        throw new AppError(
          'image-in-use',
          `“${image.name}” is written by ${vms}; an overlay on it would break with the next write. Take a snapshot of that VM first: its layer is then frozen.`,
          { usedBy: writers },
        );
      }
      const { name: stem, folder } = request;
      const wishes = { backingId: backing, stem, folder, naming: naming ?? 'given' };
      return world.view((await createOverlayImage(access, wishes)).id);
    },
    register: async (request) => world.view((await registerImage(access, request)).id),
    placeOverlays: (wishes, avoid = []) => placeOverlays(access, wishes, avoid),
    createPlacedOverlay: async (placed) => world.facts((await createPlacedOverlay(access, placed)).id),
    createOverlay: async (request) =>
      world.view((await createOverlayImage(access, { ...request, naming: 'unique' })).id),
    rename: (id, name) =>
      exclusive(async () => {
        library.change([{ ...world.record(id), name }]);
        announcements.now();
        return world.view(id);
      }),
    allocation: (id) => maps.allocation(id),
    usage: (id) => maps.usage(id),
    map: (id, query) => maps.map(id, imageMapQuery.parse(query ?? {})),
    delete: (id, vm) => trash.deleteImage(id, vm),
    unlinkMerged: (id) => trash.unlinkMerged(id),
    setFlusher: (flush) => {
      maps.flush = flush;
    },
  };

  const newFiles = createNewFiles(access);
  return {
    images,
    folders,
    trash,
    trashKeeper,
    newFiles,
    arrivals: createArrivals(access, newFiles),
    moveFiles: createMoveFiles(access),
    linkFiles: createLinkFiles(access),
    access,
    remembered: () => backingMemory.settled(),
    start: async () => {
      await folders.ensureDefault();
      await trash.recover();
      await resolveBackings(library, library.all());
      await scan();
      announcements.start();
      trashKeeper.start();
      watchAll();
      void startQuickReader().catch(() => undefined);
    },
    close: async () => {
      announcements.stop();
      trashKeeper.stop();
      backingMemory.stop();
      refreshes.stop();
      await watch.close();
      await backingMemory.settled();
      await exclusive(() => Promise.resolve());
    },
  };
};

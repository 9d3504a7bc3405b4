import { stat } from 'node:fs/promises';
import type {
  MakeDisk,
  MakeFloppy,
  MakeForecast,
  MakeForecastWish,
  MakeIso,
  MakeSeed,
  Operation,
} from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { demandExt4Tools } from '../../../qemu/tools/ext4-tool.ts';
import { demandFatTools } from '../../../qemu/tools/fat-tool.ts';
import { demandIsoTool } from '../../../qemu/tools/iso-tool.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { FilesForMaking } from '../../uploads/uploads.types.ts';
import { demandFreeSpace } from '../free-space.ts';
import type { ImagesFeature } from '../images.service.ts';
import type { FreshFileWish } from '../new-files.ts';
import { isWithin } from '../path-trees.ts';
import { diskLayout } from './disk-layout.ts';
import { readHostTree } from './host-tree.ts';
import { demandForFat, type MadeFiles, refusedFiles } from './made-files.ts';
import { type MakeRun, makeExecutor, stepsOf } from './make.executor.ts';
import type { MadeForm } from './make-forms.ts';
import {
  type Contents,
  imageBytes,
  type PlannedForm,
  passingBytes,
  placesOf,
  roomProblem,
  spacesOf,
} from './make-plan.ts';
import { seedFiles } from './seed-files.ts';
import { readSentTree } from './sent-tree.ts';
import type { Staging } from './stage-tree.ts';
import { stagedFiles } from './staged-files.ts';

export interface MakeService {
  iso(wish: MakeIso): Promise<Operation>;
  seed(wish: MakeSeed): Promise<Operation>;
  floppy(wish: MakeFloppy): Promise<Operation>;
  disk(wish: MakeDisk): Promise<Operation>;
  forecast(wish: MakeForecastWish): Promise<MakeForecast>;
  /** At the start: what a crash has left and no operation needs. */
  sweep(): Promise<void>;
}

interface MakeDeps {
  readonly dataDir: string;
  readonly library: Pick<ImagesFeature, 'newFiles'>;
  readonly operations: OperationsService;
  readonly sent: FilesForMaking;
}

interface Source {
  readonly source?: string | undefined;
  readonly upload?: string | undefined;
}
type Target = Pick<MakeIso, 'name' | 'folder' | 'useReserve'>;

/** Files that were found, and how they come to whoever makes something of them. */
interface Found extends MadeFiles {
  /** Of the host, and read there; null: it is staged. */
  readonly path: string | null;
  readonly staging: Staging | undefined;
}

/** Tools that a form is made with; throws with the name of the package. */
const demandTools = (form: PlannedForm): void => {
  if (form.kind === 'iso') demandIsoTool();
  else if (form.kind === 'disk' && form.fileSystem === 'ext4') demandExt4Tools();
  else demandFatTools();
};
const isFat = (form: PlannedForm): boolean =>
  form.kind === 'floppy' || (form.kind === 'disk' && form.fileSystem === 'fat32');

const nouns = { iso: 'ISO', floppy: 'floppy', disk: 'disk' } as const;

const demandRoom = (form: PlannedForm, contents: Contents, title: string): void => {
  const problem = roomProblem(form, contents, title);
  if (problem !== null) throw refusedFiles(problem);
};

/** Registers its executor; create it once, before operations are recovered. */
export const createMakeService = ({ dataDir, library, operations, sent }: MakeDeps): MakeService => {
  const { newFiles } = library;
  const staged = stagedFiles(dataDir);
  operations.register(makeExecutor({ files: newFiles, staged }));

  const start = (request: MakeRun, title: string): Operation =>
    operations.start({
      kind: 'image-make',
      title,
      request,
      journal: { phase: 'new', file: null },
      steps: stepsOf(request),
      subjects: [],
      locks: { images: [], vms: [] },
      unit: 'bytes',
      total: request.target.bytes,
      cancelNote: 'What was written so far is removed; the files it is made of are not touched.',
    });

  /** FAT is made by a tool that follows links: it gets a copy of its own. */
  const find = async ({ source, upload }: Source, form: PlannedForm): Promise<Found> => {
    if (upload !== undefined) {
      const { path, filename } = await sent.ready(upload);
      return {
        ...(await readSentTree(path, filename)),
        path: null,
        staging: { kind: 'sent', path, filename },
      };
    }
    const tree = await readHostTree(source ?? '', dataDir);
    return isFat(form)
      ? { ...tree, path: null, staging: { kind: 'copy', path: tree.path } }
      : { ...tree, staging: undefined };
  };

  const deviceOf = (folder: string): Promise<number | null> =>
    stat(folder).then(
      ({ dev }) => dev,
      () => null,
    );
  const placesFor = async (folder: string, form: PlannedForm, contents: Contents) => {
    const [device, dataDevice] = await Promise.all([deviceOf(folder), deviceOf(dataDir)]);
    const [target, data] = [
      { folder, device },
      { folder: dataDir, device: dataDevice },
    ];
    return placesOf(target, data, imageBytes(form, contents), passingBytes(form, contents));
  };

  const contentsOf = ({ entries, bytes, staging }: Found): Contents => ({
    ...{ entries: entries.length, bytes, staged: staging !== undefined },
  });

  /** Looks at everything that can be told before anything is written, then begins. */
  const make = async (
    wish: Target & Source,
    planned: PlannedForm,
    formOf: (contents: Contents) => MadeForm,
    format: FreshFileWish['format'],
  ): Promise<Operation> => {
    demandTools(planned);
    const found = await find(wish, planned);
    const contents = contentsOf(found);
    if (isFat(planned)) demandForFat(found, planned.kind === 'floppy');
    demandRoom(planned, contents, found.title);
    const { name, folder, useReserve } = wish;
    const bytes = imageBytes(planned, contents);
    const target: FreshFileWish = { name, folder, useReserve, format, bytes, tag: newId() };
    const place = await newFiles.placeFresh(target);
    for (const each of await placesFor(place.folder, planned, contents))
      await demandFreeSpace(each.folder, each.needed, useReserve);
    if (found.path !== null && isWithin(place.folder, found.path))
      throw new AppError(
        'not-possible',
        `The ${nouns[planned.kind]} would lie in ${place.folder}, and so within the folder it is made of. Choose another one.`,
      );
    const { staging, path: source } = found;
    const request: MakeRun = { target, source, staging, form: formOf(contents), bytes: found.bytes };
    // Between these two nobody else can take the files that were sent.
    if (wish.upload !== undefined) await sent.ready(wish.upload);
    const operation = start(request, `Make the ${nouns[planned.kind]} “${name}” of ${found.title}`);
    if (wish.upload !== undefined) sent.hand(wish.upload, operation.id);
    return operation;
  };

  const seed = async (wish: MakeSeed): Promise<Operation> => {
    demandIsoTool();
    const { name, folder, useReserve } = wish;
    const tag = newId();
    const files = seedFiles(wish);
    const target: FreshFileWish = { name, folder, useReserve, format: 'iso', tag, bytes: 1024 ** 2 };
    await newFiles.placeFresh(target);
    // Texts with passwords and keys in them stay out of the books.
    const form = { kind: 'iso' as const, label: 'CIDATA', joliet: true };
    const bytes = Object.values(files).join('').length;
    try {
      await staged.stage(tag, files);
      return start({ target, source: null, form, bytes }, `Make the seed ISO “${name}” for cloud-init`);
    } catch (error) {
      await staged.remove(tag);
      throw error;
    }
  };

  /** The first reason of each kind; the same checks as before it is made. */
  const problemsOf = async (checks: ReadonlyArray<() => void | Promise<void>>): Promise<string[]> => {
    const problems: string[] = [];
    for (const check of checks)
      try {
        await check();
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        problems.push(error.message.replace(/ Nothing was made\.$/, ''));
      }
    return problems;
  };

  const forecast = async (wish: MakeForecastWish): Promise<MakeForecast> => {
    const { kind, files, folder, useReserve = false } = wish;
    const form: PlannedForm = { ...wish, kind };
    const found = files === undefined ? await find(wish, form) : null;
    const contents =
      found === null ? { ...(files ?? { entries: 0, bytes: 0 }), staged: true } : contentsOf(found);
    const title = found?.title ?? 'what was chosen';
    const target = { name: 'x', format: 'raw' as const, tag: newId() };
    const place = await newFiles.placeFresh({ ...target, folder, useReserve: true, bytes: 0 });
    const places = await placesFor(place.folder, form, contents);
    const blockers = await problemsOf([
      () => demandTools(form),
      () => (found !== null && isFat(form) ? demandForFat(found, kind === 'floppy') : undefined),
      () => demandRoom(form, contents, title),
      ...places.map((each) => () => demandFreeSpace(each.folder, each.needed, useReserve)),
    ]);
    const size = form.kind === 'disk' ? diskLayout(form, contents).size : imageBytes(form, contents);
    const { entries, bytes } = contents;
    return { entries, bytes, size, spaces: await spacesOf(places, useReserve), blockers };
  };

  return {
    forecast,
    seed,
    iso: (wish) => {
      const { label, joliet } = wish;
      return make(wish, { kind: 'iso' }, () => ({ kind: 'iso', label, joliet }), 'iso');
    },
    floppy: (wish) => {
      const { label, kilobytes } = wish;
      return make(wish, { kind: 'floppy', kilobytes }, () => ({ kind: 'floppy', kilobytes, label }), 'raw');
    },
    disk: (wish) => {
      const { fileSystem, table, format, efi, label, size, free } = wish;
      const shape = { fileSystem, table, format, size, free };
      return make(
        wish,
        { kind: 'disk', ...shape },
        (contents) => ({
          ...{ kind: 'disk', fileSystem, table, format, efi, label, rootOwns: contents.staged },
          ...{ ...diskLayout(shape, contents), entries: contents.entries },
        }),
        format,
      );
    },
    sweep: () => {
      const needed = new Set(operations.making());
      return staged.sweep((folder) => needed.has(folder));
    },
  };
};

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import type { ArrivalResult, TookHow } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { stampOf } from '../../file-stamp.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import { syncFolder } from '../../sync-files.ts';
import type { Arrivals, BringHow } from '../images/arrivals.ts';
import type { NewFile } from '../images/new-files.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { ImportedFile, ImportRequest } from './imports.types.ts';
import { makeVm } from './make-vm.ts';
import type { MappedVm } from './ovf/vm-of-ovf.ts';
import { unpackSource } from './unpack-source.ts';

/*
 *    new       the sum is compared, archives are unpacked, everything is judged; made again from the start after a crash
 *    placing   one after the other gets a hidden name in the folder, then its own
 *    machine   the VM, when one was described
 *    leaving   the old name of a file that was moved goes, when nobody has written it meanwhile
 *
 * All or nothing: when one of them fails, those that were placed go again.
 */

export interface ImportRun extends ImportRequest {
  /** Of the operation: makes the names of its files nobody else's. */
  readonly tag: string;
}

interface PlannedVm extends MappedVm {
  /** Which image of the journal a file of the description is. */
  readonly files: Readonly<Record<string, number>>;
}

export interface ImportJournal {
  readonly phase: 'new' | 'placing' | 'machine' | 'leaving';
  readonly images: readonly ImportedFile[];
  readonly placed: ReadonlyArray<{ readonly file: NewFile; readonly imageId: string; readonly path: string }>;
  /** With a file of the host: what was done with it, and how it is known not to have been written since. */
  readonly how: TookHow | null;
  readonly stamp: string | null;
  readonly vmId: string | null;
  /** Brought into the folder, and perhaps named by now. */
  readonly file: NewFile | null;
  readonly vm: PlannedVm | null;
  /** Free when it was chosen. */
  readonly vmName: string | null;
  readonly notMapped: readonly string[];
}

export interface ImportDeps {
  readonly arrivals: Arrivals;
  readonly vms: Pick<VmsService, 'create' | 'list'>;
  readonly incoming: string;
}

export const newJournal: ImportJournal = {
  ...{ phase: 'new', images: [], placed: [], file: null, how: null, stamp: null },
  ...{ vm: null, vmId: null, vmName: null, notMapped: [] },
};

type Context = OperationContext<ImportRun, ImportJournal>;
type Watch = ReturnType<typeof workWatch>;

const demandSum = async ({ request, progress }: Context, watch: Watch): Promise<void> => {
  const { path, filename, bytes, sha256 } = request;
  if (sha256 === null) return;
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2 }) as AsyncIterable<Buffer>) {
    watch.signal?.throwIfAborted();
    hash.update(chunk);
    done += chunk.length;
    await watch.brake?.pass(chunk.length, watch.signal);
    progress(done / 2, bytes);
  }
  const found = hash.digest('hex');
  if (found === sha256) return;
  throw new AppError(
    'image-refused',
    `“${filename}” is not the file that was meant: its SHA-256 sum is ${found}, and ${sha256} was given.`,
  );
};

/** What an earlier attempt of this operation has left. */
const removeParts = async ({ incoming }: ImportDeps, { request }: Context): Promise<void> => {
  for (const name of await readdir(incoming))
    if (name.startsWith(`${request.tag}-`)) await unlink(join(incoming, name)).catch(() => {});
};

const nameOf = (filename: string): string =>
  filename.slice(0, filename.length - extname(filename).length).slice(0, 100) || filename;

const prepare = async (deps: ImportDeps, context: Context): Promise<void> => {
  const { request } = context;
  if (context.resumed) context.recovered('It was begun again from the file that had been sent.');
  await removeParts(deps, context);
  const watch = workWatch(context);
  const stamp = request.original === 'ours' ? null : await stampOf(request.path);
  context.step(0);
  await demandSum(context, watch);
  context.step(1);
  const start = request.sha256 === null ? 0 : request.bytes / 2;
  let count = 0;
  const { files, vm, notMapped } = await unpackSource({
    ...{ path: request.path, filename: request.filename, name: request.name, format: request.format },
    nextPath: () => join(deps.incoming, `${request.tag}-${count++}.part`),
    unpacking: { filename: request.filename, useReserve: request.useReserve, watch },
    onProgress: (fraction) => context.progress(start + fraction * (request.bytes - start), request.bytes),
  });
  context.step(2);
  const isOne = files.length === 1;
  const images: ImportedFile[] = [];
  for (const { path, filename } of files) {
    context.cancelled.throwIfAborted();
    const theirs = path === request.path && request.original !== 'ours';
    const said = isOne ? request.format : null;
    const judged = await deps.arrivals.judge({ path, filename, format: said, theirs });
    images.push({ path, filename, name: isOne ? request.name : nameOf(filename), ...judged });
  }
  context.controls(null);
  const ids = Object.fromEntries(files.flatMap(({ fileId }, at) => (fileId === null ? [] : [[fileId, at]])));
  const planned = vm === null ? null : { ...vm, files: ids };
  context.save({ ...context.journal, phase: 'placing', images, stamp, vm: planned, notMapped });
};

/** A file that was sent, or that came out of an archive, is ours. */
const howTo = ({ request }: Context, path: string): BringHow => {
  if (path !== request.path || request.original === 'ours') return 'take';
  return request.original === 'goes' ? 'link' : 'copy';
};

const place = async ({ arrivals }: ImportDeps, context: Context): Promise<void> => {
  context.step(3);
  const { request } = context;
  const folder = await arrivals.folder(request.folder ?? undefined);
  const start = request.sha256 === null ? 0 : request.bytes / 2;
  const watch = workWatch(context, (fraction) => {
    if (request.original !== 'ours' && context.journal.images.length === 1)
      context.progress(start + fraction * (request.bytes - start), request.bytes);
  });
  for (const [index, { path, name, format, foreign }] of context.journal.images.entries()) {
    if (index < context.journal.placed.length) continue;
    context.cancelled.throwIfAborted();
    const tag = `${request.tag}-${index}`;
    if (context.journal.file === null) {
      const how = howTo(context, path);
      const { useReserve } = request;
      const target = { folder, name, format, foreign, how, tag, useReserve };
      const brought = await arrivals.bring(path, target, watch);
      context.save({ ...context.journal, ...brought });
    }
    const { file } = context.journal;
    if (file === null) throw new Error(`${path} was not brought`);
    const published = await arrivals.publish(file);
    const placed = [...context.journal.placed, { file, ...published }];
    context.save({ ...context.journal, file: null, placed });
  }
  context.controls(null);
  context.cancelled.throwIfAborted();
  context.save({ ...context.journal, phase: 'machine' });
};

const machine = async ({ vms }: ImportDeps, context: Context): Promise<void> => {
  context.finishing();
  const { placed, images, vm, notMapped } = context.journal;
  const imageIds = placed.map(({ imageId }) => imageId);
  if (vm === null) {
    context.save({ ...context.journal, phase: 'leaving' });
    return;
  }
  context.step(4);
  const made = await makeVm(vms, context, vm, (fileId) => {
    const at = vm.files[fileId] ?? -1;
    const [id, format] = [imageIds[at], images[at]?.format];
    if (id === undefined || format === undefined) throw new Error(`no image for the file ${fileId}`);
    return { id, format };
  });
  const told = [...notMapped, ...made.notes];
  context.save({ ...context.journal, phase: 'leaving', vmId: made.vmId, notMapped: told });
};

const isStill = async (path: string, stamp: string | null): Promise<boolean> =>
  (await stampOf(path).catch(() => null)) === stamp;

/** The old name of what was moved. Whatever is not as it should be: it stays, and that is told. */
const leave = async (context: Context): Promise<string[]> => {
  const { request, journal } = context;
  if (request.original === 'ours') await unlink(request.path).catch(() => {});
  if (request.original !== 'goes') return [];
  if ((await stampOf(request.path).catch(() => null)) === null) return [];
  const [image] = journal.placed;
  if (image === undefined || image.path === request.path) return [];
  const isThere = await lstat(image.path).then(
    ({ ino }) => String(ino) === image.file.key,
    () => false,
  );
  if (!isThere || !(await isStill(request.path, journal.stamp)))
    return [`${request.path} was written or replaced meanwhile. It stays where it is.`];
  await unlink(request.path);
  // Back after a power failure it is a second name of what is in the library: nothing is lost.
  await syncFolder(dirname(request.path)).catch(() => {});
  return [];
};

const resultOf = (context: Context, notes: readonly string[]): ArrivalResult => {
  const { placed, how, vmId, notMapped, images } = context.journal;
  const imageIds = placed.map(({ imageId }) => imageId);
  const isOne = images.length === 1 && images[0]?.path === context.request.path;
  const isTheirs = isOne && context.request.original !== 'ours';
  return {
    ...{ imageId: imageIds[0] ?? '', imageIds, notMapped: [...notMapped, ...notes] },
    ...(vmId === null ? {} : { vmId }),
    ...(how !== null && (isTheirs || how === 'converted') ? { how } : {}),
  };
};

const undo = async (deps: ImportDeps, context: Context): Promise<void> => {
  const { file, placed } = context.journal;
  if (file !== null) await deps.arrivals.discard(file);
  for (const each of placed.toReversed()) await deps.arrivals.discard(each.file);
  await removeParts(deps, context);
};

const register = async ({ arrivals }: ImportDeps, { request }: Context): Promise<ArrivalResult & object> => {
  const imageId = await arrivals.register(request.path, request.name);
  return { imageId, imageIds: [imageId], notMapped: [], how: 'registered' };
};

export const importExecutor = (deps: ImportDeps): Executor<ImportRun, ImportJournal> => ({
  kind: 'image-import',
  run: async (context) => {
    const { request } = context;
    try {
      if (request.original === 'registered') return await register(deps, context);
      if (context.journal.phase === 'new') await prepare(deps, context);
      if (context.journal.phase === 'placing') await place(deps, context);
      if (context.journal.phase === 'machine') await machine(deps, context);
      context.finishing();
      const notes = await leave(context);
      // What was converted lies here still. The image may have no other name by now: nothing takes it back any more.
      await removeParts(deps, context).catch(() => {});
      return { ...resultOf(context, notes) };
    } catch (error) {
      if (!context.ending) await undo(deps, context);
      throw error;
    }
  },
});

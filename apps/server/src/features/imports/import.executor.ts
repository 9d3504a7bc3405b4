import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ArrivalResult } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { Arrivals } from '../images/arrivals.ts';
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
  readonly phase: 'new' | 'placing' | 'machine';
  readonly images: readonly ImportedFile[];
  readonly placed: ReadonlyArray<{ readonly file: NewFile; readonly imageId: string }>;
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
  ...{ phase: 'new', images: [], placed: [], file: null, vm: null, vmName: null, notMapped: [] },
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
    const format = await deps.arrivals.judge({ path, filename, format: isOne ? request.format : null });
    images.push({ path, filename, name: isOne ? request.name : nameOf(filename), format });
  }
  context.controls(null);
  const ids = Object.fromEntries(files.flatMap(({ fileId }, at) => (fileId === null ? [] : [[fileId, at]])));
  const planned = vm === null ? null : { ...vm, files: ids };
  context.save({ ...context.journal, phase: 'placing', images, vm: planned, notMapped });
};

const place = async ({ arrivals }: ImportDeps, context: Context): Promise<void> => {
  context.step(3);
  const { request } = context;
  const folder = await arrivals.folder(request.folder ?? undefined);
  const watch = workWatch(context);
  for (const [index, { path, name, format }] of context.journal.images.entries()) {
    if (index < context.journal.placed.length) continue;
    context.cancelled.throwIfAborted();
    const tag = `${request.tag}-${index}`;
    const file = context.journal.file ?? (await arrivals.bring(path, { folder, name, format, tag }, watch));
    context.save({ ...context.journal, file });
    const { imageId } = await arrivals.publish(file);
    context.save({ ...context.journal, file: null, placed: [...context.journal.placed, { file, imageId }] });
  }
  context.controls(null);
  context.cancelled.throwIfAborted();
  context.save({ ...context.journal, phase: 'machine' });
};

const machine = async ({ vms }: ImportDeps, context: Context): Promise<ArrivalResult> => {
  context.finishing();
  const { placed, images, vm, notMapped } = context.journal;
  const imageIds = placed.map(({ imageId }) => imageId);
  const [imageId = ''] = imageIds;
  if (vm === null) return { imageId, imageIds, notMapped: [...notMapped] };
  context.step(4);
  const made = await makeVm(vms, context, vm, (fileId) => {
    const at = vm.files[fileId] ?? -1;
    const [id, format] = [imageIds[at], images[at]?.format];
    if (id === undefined || format === undefined) throw new Error(`no image for the file ${fileId}`);
    return { id, format };
  });
  return { imageId, imageIds, vmId: made.vmId, notMapped: [...notMapped, ...made.notes] };
};

const undo = async (deps: ImportDeps, context: Context): Promise<void> => {
  const { file, placed } = context.journal;
  if (file !== null) await deps.arrivals.discard(file);
  for (const each of placed.toReversed()) await deps.arrivals.discard(each.file);
  await removeParts(deps, context);
};

export const importExecutor = (deps: ImportDeps): Executor<ImportRun, ImportJournal> => ({
  kind: 'image-import',
  run: async (context) => {
    const { request } = context;
    try {
      if (context.journal.phase === 'new') await prepare(deps, context);
      if (context.journal.phase === 'placing') await place(deps, context);
      const result = await machine(deps, context);
      if (request.removes) await unlink(request.path).catch(() => {});
      return { ...result };
    } catch (error) {
      if (!context.ending) await undo(deps, context);
      throw error;
    }
  },
});

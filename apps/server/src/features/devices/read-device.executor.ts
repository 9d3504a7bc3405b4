import { type FileHandle, link, open, rename, stat, truncate, unlink } from 'node:fs/promises';
import type { Unreadable, UnreadableRange } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { convertContent } from '../../qemu/convert-image.ts';
import { contentsAreEqual, type WorkWatch } from '../../qemu/image-work.ts';
import { toAppError } from '../../qemu/qemu-errors.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { FreshFileWish, NewFile, NewFiles } from '../images/new-files.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { BlockDevice, HostRoots } from './block-devices.ts';
import { demandSame, inDeviceWords, openDevice } from './device-access.ts';
import type { DeviceClaims } from './device-claims.ts';
import { isoVolumeEnd } from './iso-volume.ts';
import { copyDevice, type DeviceReading } from './read-device.ts';
import { UnreadableRanges, unreadableWords } from './unreadable-ranges.ts';

/*
 *    new       nothing is there yet
 *    reading   what was read lies beside the new image, under a hidden name, durable up to `position`: gone on with after a crash
 *    making    everything was read; the image is made of it
 *    naming    the image is complete and on disk
 */

export interface ReadDeviceRun {
  readonly target: FreshFileWish;
  readonly device: BlockDevice;
  /** A file system that is mounted read-only holds it, too. */
  readonly shared: boolean;
}
export interface ReadDeviceJournal {
  readonly phase: 'new' | 'reading' | 'making' | 'naming';
  readonly file: NewFile | null;
  readonly position: number;
  readonly bad: readonly UnreadableRange[];
}
type Context = OperationContext<ReadDeviceRun, ReadDeviceJournal>;

export interface ReadDeviceDeps {
  readonly files: Pick<NewFiles, 'placeFresh' | 'makeFresh' | 'publish' | 'discard'>;
  readonly claims: DeviceClaims;
  readonly roots: HostRoots;
  /** That zeros stand in it where something else should. */
  markIncomplete(imageId: string, device: string, unreadable: Unreadable): void;
}

const placeOf = ({ journal }: Context): NewFile => {
  if (journal.file === null) throw new Error('it has no place');
  return journal.file;
};

/** What was read, as it is. */
const stagedPath = ({ part }: NewFile): string => part.replace(/\.part$/, '-read.part');
const removeStaged = (file: NewFile): Promise<void> => unlink(stagedPath(file)).catch(() => {});

/** From where to go on: as far as it is certainly on disk, and as long as it is there. */
const begin = async (context: Context): Promise<{ target: FileHandle; from: number }> => {
  const path = stagedPath(placeOf(context));
  const { position } = context.journal;
  const there = await stat(path).catch(() => null);
  if (position > 0 && there !== null && there.size >= position) {
    // What came after that may be there in part: holes would let it shine through.
    await truncate(path, position);
    context.recovered(`It was gone on with at byte ${position}.`);
    return { target: await open(path, 'r+'), from: position };
  }
  if (context.resumed) context.recovered('It was read again from the beginning.');
  await unlink(path).catch(() => {});
  return { target: await open(path, 'wx', 0o600), from: 0 };
};

const totalOf = ({ device, target }: ReadDeviceRun): number =>
  device.identity.size * (target.format === 'qcow2' ? 2 : 1);

/** Burners leave blocks behind the end of the file system that no drive can read: these are not missed. */
const trimmed = async (
  source: FileHandle,
  device: BlockDevice,
  target: FileHandle,
  bad: UnreadableRanges,
): Promise<void> => {
  const last = bad.all().at(-1);
  const end = device.kind === 'optical' ? await isoVolumeEnd(source) : null;
  if (end === null || last === undefined || last.offset + last.length !== device.identity.size) return;
  const cut = Math.max(end, last.offset);
  if (end <= 0 || cut >= device.identity.size) return;
  bad.endAt(cut);
  await target.truncate(cut);
  await target.sync();
};

const lookEveryMs = 200;
/** A thousand bad sectors are not a thousand reasons to look: at the end it is looked at once more in any case. */
const nowAndThen = (look: () => Promise<void>): (() => Promise<void>) => {
  let last = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - last < lookEveryMs) return;
    await look();
    last = performance.now();
  };
};

const readAll = async (deps: ReadDeviceDeps, context: Context, watch: WorkWatch): Promise<void> => {
  const { device, shared } = context.request;
  const { size } = device.identity;
  const source = await openDevice(device, { purpose: 'read', shared }, deps.roots);
  try {
    const { target, from } = await begin(context);
    const bad = new UnreadableRanges(from === 0 ? [] : context.journal.bad);
    const reading: DeviceReading = {
      ...{ source, size, sectorSize: device.sectorSize },
      stillThere: nowAndThen(async () => void (await demandSame(device, deps.roots))),
      inWords: (error) => inDeviceWords(error, device, 'read'),
    };
    const saved = (position: number): void => context.save({ ...context.journal, position, bad: bad.all() });
    try {
      const progress = (done: number): void => context.progress(done, totalOf(context.request));
      await copyDevice(reading, { target, from, bad, saved }, { ...watch, progress });
      await demandSame(device, deps.roots);
      if (bad.bytes >= size)
        throw new AppError(
          'device-unreadable',
          `Not one sector of ${device.path} could be read. Nothing was made.`,
        );
      await trimmed(source, device, target, bad);
    } finally {
      await target.close();
    }
    context.save({ ...context.journal, phase: 'making', position: size, bad: bad.all() });
  } finally {
    await source.close();
  }
};

const linkOrRename = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // File systems without hard links (FAT).
    if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    await rename(from, to);
  }
};

const makeImage = async (deps: ReadDeviceDeps, context: Context, watch: WorkWatch): Promise<NewFile> => {
  const { target } = context.request;
  const staged = stagedPath(placeOf(context));
  return deps.files.makeFresh(placeOf(context), async (part) => {
    if (target.format !== 'qcow2') {
      await linkOrRename(staged, part);
      return;
    }
    const source = { path: staged, format: 'raw' as const };
    await convertContent(source, part, { format: 'qcow2' }, watch);
    if (!(await contentsAreEqual(source, { path: part, format: 'qcow2' }, watch)))
      throw new AppError(
        'image-unreadable',
        'The image does not read as what was read of the device; it was removed.',
      );
  });
};

const carryOut = async (deps: ReadDeviceDeps, context: Context): Promise<Record<string, unknown>> => {
  const { request } = context;
  const total = totalOf(request);
  if (context.journal.phase === 'new')
    context.save({ ...context.journal, phase: 'reading', file: await deps.files.placeFresh(request.target) });
  const stagedIsLost =
    context.journal.phase === 'making' &&
    (await stat(stagedPath(placeOf(context))).catch(() => null)) === null;
  if (stagedIsLost) context.save({ ...context.journal, phase: 'reading', position: 0, bad: [] });
  const watch = workWatch(context, (fraction) => context.progress((total * (1 + fraction)) / 2, total));
  if (context.journal.phase === 'reading') {
    context.step(0);
    await readAll(deps, context, watch);
  }
  if (context.journal.phase === 'making') {
    context.step(1);
    const file = await makeImage(deps, context, watch);
    context.controls(null);
    context.cancelled.throwIfAborted();
    context.save({ ...context.journal, phase: 'naming', file });
  }
  context.finishing();
  context.step(2);
  const file = placeOf(context);
  await removeStaged(file);
  const { imageId } = await deps.files.publish(file);
  const unreadable = new UnreadableRanges(context.journal.bad).told();
  const { path } = request.device;
  if (unreadable !== null) deps.markIncomplete(imageId, path, unreadable);
  const words =
    unreadable === null
      ? `All of ${path} was read without an error.`
      : `The image is incomplete: ${unreadableWords(unreadable)}`;
  return { imageId, unreadable, words };
};

/** A new image of what is on a device of the host. */
export const readDeviceExecutor = (deps: ReadDeviceDeps): Executor<ReadDeviceRun, ReadDeviceJournal> => ({
  kind: 'device-read',
  run: async (context) => {
    const { device, target } = context.request;
    const letGo = deps.claims.claim(device, `Read ${device.path} as “${target.name}”`);
    try {
      return await carryOut(deps, context);
    } catch (error) {
      if (!context.ending && context.journal.file !== null) {
        await deps.files.discard(context.journal.file);
        await removeStaged(context.journal.file);
      }
      if (context.cancelled.aborted || context.ending) throw error;
      throw toAppError(`Reading ${device.path}`, error);
    } finally {
      letGo();
    }
  },
});

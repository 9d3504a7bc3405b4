import { basename, dirname, extname, join } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { Executor, OperationContext } from '../../operations/operations.types.ts';
import { awayFrom, type FolderPlace } from '../folder-place.ts';
import { type FileIdentity, identityOf } from '../image-record.ts';
import type { ImagesFeature } from '../images.service.ts';
import { registerImage } from '../import-images.ts';
import { inspectFile } from '../inspect-file.ts';
import type { LinkChange } from '../link-files.ts';
import type { NewFile } from '../new-files.ts';
import { demandFree } from '../work/demand-free.ts';
import { demandIdle } from '../work/image-work.service.ts';
import { planMove } from '../work/plan-move.ts';
import { type RenameJournal, type RenameRun, renameExecutor } from '../work/rename.executor.ts';

/*
 *    register   every file stays; the library knows them
 *    copy       bases first: each copy is complete and proven before what stands on it is linked to it
 *    move       one after the other, each with both names until every link leads to the new one (move-files.ts)
 */

export interface AdoptRun {
  readonly path: string;
  readonly registersFolder: boolean;
  /** Every file that was looked at, as it was then. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly identity: FileIdentity }>;
  /** Files that are registered one by one, bases first: outside the folder, or before they are moved. */
  readonly registers: ReadonlyArray<{ readonly path: string; readonly id: string }>;
  readonly formats: ReadonlyArray<Omit<LinkChange, 'imageId'>>;
  readonly copies: ReadonlyArray<{
    readonly path: string;
    readonly name: string;
    readonly folder: string;
    readonly format: ImageFormat;
    readonly backing: { readonly path: string; readonly format: ImageFormat } | null;
    readonly bytes: number;
  }>;
  /** Where the folder was, to which files are copied or moved. */
  readonly place?: FolderPlace;
  /** `target` is where the file will lie. */
  readonly moves: ReadonlyArray<{ readonly path: string; readonly target: string }>;
  /** Of the operation: makes the hidden names nobody else's. */
  readonly tag: string;
}

export interface AdoptJournal {
  readonly phase: 'new' | 'registering' | 'writing' | 'placing';
  /** Copies that have their names. */
  readonly copied: ReadonlyArray<{ readonly from: string; readonly path: string; readonly file: NewFile }>;
  /** The copy under way. */
  readonly file: NewFile | null;
  readonly moved: number;
  readonly move: { readonly run: RenameRun; readonly journal: RenameJournal } | null;
}

type Context = OperationContext<AdoptRun, AdoptJournal>;
type Files = Pick<ImagesFeature, 'images' | 'folders' | 'newFiles' | 'moveFiles' | 'linkFiles' | 'access'>;

const isSame = (one: FileIdentity, other: FileIdentity): boolean =>
  one.inode === other.inode && one.size === other.size && one.mtimeNs === other.mtimeNs;

const lookAgain = async ({ request }: Context): Promise<void> => {
  for (const { path, identity } of request.files) {
    const found = await inspectFile(path).catch(() => null);
    if (found !== null && isSame(identityOf(found.stat), identity)) continue;
    throw new AppError(
      'plan-stale',
      `${path} was changed since it was looked at. Nothing was done; look again.`,
    );
  }
};

const register = async ({ access, folders }: Files, { id: operationId, request }: Context): Promise<void> => {
  for (const { path, id } of request.registers)
    if (access.library.byPath(path) === undefined) await registerImage(access, { path }, { id, operationId });
  const { path, registersFolder } = request;
  if (registersFolder && !access.folders().some((folder) => folder.path === path)) await folders.add(path);
};

const recordFormats = async ({ access, linkFiles, images }: Files, context: Context): Promise<void> => {
  for (const format of context.request.formats) {
    const record = access.library.byPath(format.path);
    if (record === undefined) throw new AppError('image-unreadable', `${format.path} is gone.`);
    const change: LinkChange = { ...format, imageId: record.id };
    await demandFree(change.path, context.resumed, 'try again');
    const found = await linkFiles.look(change);
    if (found === 'other')
      throw new AppError(
        'plan-stale',
        `The header of ${change.path} was written by somebody else meanwhile.`,
      );
    if (found === 'before') await linkFiles.write(change);
    await linkFiles.prove(change);
  }
  if (context.request.formats.length > 0) await images.scan();
};

const copyAll = async ({ newFiles }: Files, context: Context): Promise<void> => {
  const { copies, tag, place } = context.request;
  const at = place === undefined ? {} : { place };
  const total = copies.reduce((sum, { bytes }) => sum + bytes, 0);
  const held = workWatch(context);
  let before = 0;
  for (const [index, { path, name, folder, format, backing, bytes }] of copies.entries()) {
    if (index >= context.journal.copied.length) {
      const part = join(folder, `.strata-${tag}-${index}.part`);
      const placed = { part, folder, name, format, key: null, ...at };
      if (context.journal.file === null) context.save({ ...context.journal, file: placed });
      const copied = context.journal.copied.find(({ from }) => from === backing?.path);
      const below = copied === undefined || backing === null ? backing : { ...backing, path: copied.path };
      const [under, done] = [context.journal.file ?? placed, before];
      const watch = {
        ...held,
        onProgress: (fraction: number) => context.progress(done + fraction * bytes, total),
      };
      // With a key it is complete, and may have its name already.
      const file =
        under.key === null ? await newFiles.makeFrom(under, { path, backing: below }, watch) : under;
      context.cancelled.throwIfAborted();
      context.save({ ...context.journal, file });
      const made = await newFiles.publish(file);
      const entry = { from: path, path: made.path, file };
      context.save({ ...context.journal, copied: [...context.journal.copied, entry], file: null });
    }
    before += bytes;
  }
  context.controls(null);
};

/** All copies or none: what stands on another goes first. */
const discardCopies = async ({ newFiles }: Files, { journal }: Context): Promise<void> => {
  if (journal.file !== null) await newFiles.discard(journal.file);
  for (const { file } of journal.copied.toReversed()) await newFiles.discard(file);
};

/** One move is the operation that moves one image; its journal is a part of this one. */
const asMove = (context: Context, run: RenameRun): OperationContext<RenameRun, RenameJournal> => {
  const save = (journal: RenameJournal, alongside?: () => void): void =>
    context.save({ ...context.journal, move: { run, journal } }, alongside);
  return {
    ...context,
    request: run,
    get journal(): RenameJournal {
      return context.journal.move?.journal ?? { phase: 'new', key: null };
    },
    get ending(): boolean {
      return context.ending;
    },
    save,
    conclude: (journal, _result, alongside) => save(journal, alongside),
    step: () => {},
    progress: () => {},
    finishing: () => {},
  };
};

/** The plan is older than this: by now a program may have opened it, or what a link in it must be rewritten. */
const demandMovable = async (
  { images, access }: Pick<Files, 'images' | 'access'>,
  { request }: Context,
  id: string,
  folder: string,
): Promise<void> => {
  const away = await awayFrom(folder, request.place);
  if (away !== null) throw new AppError('not-possible', `${away} Nothing more was moved.`);
  await access.exclusive(() => access.scanLocked());
  const image = images.get(id);
  for (const moved of [image, ...image.overlays.map((overlay) => images.get(overlay))])
    await demandIdle(images.forest(), moved, 'It can be moved');
};

const moveAll = async ({ images, access, moveFiles }: Files, context: Context): Promise<void> => {
  const { moves } = context.request;
  for (let index = context.journal.moved; index < moves.length; index += 1) {
    const [wish, under] = [moves[index], context.journal.move];
    if (wish === undefined) return;
    if (under === null) {
      context.cancelled.throwIfAborted();
      const record = access.library.byPath(wish.path);
      if (record === undefined) throw new AppError('image-unreadable', `${wish.path} is gone.`);
      const keeps = basename(wish.target) === basename(wish.path);
      const name = keeps ? {} : { name: basename(wish.target, extname(wish.target)) };
      const folder = dirname(wish.target);
      await demandMovable({ images, access }, context, record.id, folder);
      // The room for all of them was looked at in the plan.
      const run = await planMove(access, images.get(record.id), { folder, useReserve: true, ...name });
      context.save({ ...context.journal, move: { run, journal: { phase: 'new', key: null } } });
    }
    const current = context.journal.move;
    if (current !== null) await renameExecutor(moveFiles).run(asMove(context, current.run));
    context.save({ ...context.journal, moved: index + 1, move: null });
    context.progress(index + 1, moves.length);
  }
};

export const adoptExecutor = (files: Files): Executor<AdoptRun, AdoptJournal> => ({
  kind: 'folder-adopt',
  run: async (context) => {
    const { copies, moves, path } = context.request;
    if (context.journal.phase === 'new') {
      context.step(0);
      await lookAgain(context);
      context.cancelled.throwIfAborted();
      context.save({ ...context.journal, phase: 'registering' });
    }
    if (context.journal.phase === 'registering') {
      context.step(1);
      await register(files, context);
      context.save({ ...context.journal, phase: 'writing' });
    }
    if (context.journal.phase === 'writing') {
      context.step(2);
      await recordFormats(files, context);
      context.save({ ...context.journal, phase: 'placing' });
    }
    context.step(3);
    try {
      await copyAll(files, context);
    } catch (error) {
      if (!context.ending) await discardCopies(files, context);
      throw error;
    }
    await moveAll(files, context);
    await files.images.scan();
    return { path, copied: copies.length, moved: moves.length };
  },
});

import type { ExportUse } from '@strata/backing-chain';
import type { Download, DownloadImage, Image, Operation, PrepareDownload } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { SavedFile } from '../../http/saved-file.ts';
import { newId } from '../../new-id.ts';
import { formRefusal, measureOut } from '../../qemu/exports/convert-out.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import type { ImageFacts, ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { imageExportExecutor } from './image-export.executor.ts';
import { imageFile, plainFile, rawContent } from './image-file.ts';
import { type OutgoingFiles, outgoingFiles, sweepRegularly } from './outgoing-files.ts';

/** How long a call that was to answer with a file looks again whether its operation has ended. */
const lookSeconds = 3_600;

export interface DownloadsDeps {
  readonly dataDir: string;
  readonly runDir: string;
  readonly images: ImagesService;
  readonly operations: OperationsService;
  /** Throws unless what an image shows stands still. */
  demandStill(imageId: string): void;
}

export interface DownloadsService {
  readonly files: OutgoingFiles;
  /** What a call for an image answers; converts it first where that is needed. `gone`: nobody waits for it any more. */
  image(id: string, wish: DownloadImage, gone: AbortSignal): Promise<SavedFile>;
  prepare(id: string, wish: PrepareDownload): Promise<Operation>;
  list(): Promise<Download[]>;
  fetch(id: string): Promise<SavedFile>;
  remove(id: string): Promise<void>;
  /** After operations were taken up. */
  sweep(): Promise<void>;
  close(): void;
}

const extensions = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhdx: 'vhdx',
  vpc: 'vhd',
} as const;
const stemOf = (name: string): string => name.replace(/\.(qcow2?|raw|img|vmdk|vdi|vhdx?|vpc|iso)$/i, '');

/** By its name, or by its number where two have that name. */
const snapshotOf = ({ name, internalSnapshots }: Image, tag: string): string => {
  const named = internalSnapshots.filter((snapshot) => snapshot.tag === tag);
  const [found = internalSnapshots.find(({ id }) => id === tag)] = named;
  if (found === undefined) throw new AppError('not-found', `“${name}” holds no internal snapshot “${tag}”.`);
  if (named.length > 1)
    throw new AppError(
      'not-possible',
      `“${name}” holds “${tag}” more than once. Say which by its number: ${named.map(({ id }) => id).join(', ')}.`,
    );
  return found.id;
};

export const createDownloadsService = (deps: DownloadsDeps): DownloadsService => {
  const { images, operations, dataDir, runDir } = deps;
  const files = outgoingFiles(dataDir);
  operations.register(imageExportExecutor(images, files));
  /** While an image is read, it is used like one that is exported. */
  const underWay = new Map<string, ExportUse>();
  images.addUseSource({ exports: () => [...underWay.values()] });
  const held = (image: Image, file: SavedFile): SavedFile =>
    new SavedFile({
      ...{ name: file.name, size: file.size, version: file.version },
      open: async (range) => {
        const exportId = newId();
        const name = `Download of ${image.name}`;
        underWay.set(exportId, { exportId, name, imageId: image.id, writes: false });
        try {
          const stream = await file.open(range);
          stream.once('close', () => underWay.delete(exportId));
          return stream;
        } catch (error) {
          underWay.delete(exportId);
          throw error;
        }
      },
    });
  const sweeping = sweepRegularly(() => files.sweep(() => true));

  /** Its chain, read afresh, with nobody writing any of it. */
  const still = async (id: string): Promise<{ image: Image; chain: ImageFacts[] }> => {
    images.facts(id);
    const chain = await images.checkedChain(id);
    deps.demandStill(id);
    return { image: images.get(id), chain };
  };
  const demandUnopened = async (image: Image): Promise<void> => {
    const frozen = image.overlays.length > 0 || image.format === 'iso';
    const holder = frozen ? null : await lockHolder(image.path);
    const reads = image.usedBy.some(({ kind }) => kind === 'export');
    if (holder !== null && !holder.isOurs && !reads)
      throw new AppError('image-locked', openWords(holder, image));
  };

  const prepare = async (id: string, { format, compress, tag }: PrepareDownload): Promise<Operation> => {
    const { image, chain } = await still(id);
    const refusal = formRefusal({ format, compress }, image.virtualSize);
    if (refusal !== null) throw new AppError('not-possible', refusal);
    if (format === 'raw' && compress)
      throw new AppError(
        'not-possible',
        'A raw file is compressed while it is fetched: nothing has to be prepared.',
      );
    const snapshot = tag === undefined ? null : snapshotOf(image, tag);
    await demandUnopened(image);
    const bytes = await measureOut(image, { format, compress });
    const space = await freeSpaceIn(dataDir);
    if (space !== null && bytes > spendable(space, false))
      throw new AppError(
        'disk-full',
        `This takes up to ${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB in ${dataDir}, which are not free beside the reserve. Free some space, or fetch it as raw: that is streamed.`,
      );
    const name = `${stemOf(tag === undefined ? image.name : `${stemOf(image.name)} ${tag}`)}.${extensions[format]}`;
    return operations.start({
      kind: 'image-export',
      title: `Prepare “${name}”`,
      request: { imageId: id, downloadId: newId(), name, format, compress, snapshot, bytes },
      journal: {},
      steps: [`Write what “${image.name}” shows as ${format}`, 'Compare it with the original'],
      subjects: [{ kind: 'image', id, name: image.name }],
      locks: { images: [], reads: chain.map((layer) => layer.id), vms: [] },
      unit: 'bytes',
      total: bytes,
      cancelNote: 'What was written so far is removed; the image is not touched.',
    });
  };

  const fetch = async (id: string): Promise<SavedFile> => {
    const { path, name } = await files.get(id);
    return plainFile(path, name);
  };

  /** The operation goes with whoever asked for it. */
  const converted = async (operation: Operation, gone: AbortSignal): Promise<SavedFile> => {
    const cancel = (): void => void operations.cancel(operation.id).catch(() => {});
    gone.addEventListener('abort', cancel, { once: true });
    try {
      let ended = operation;
      while (ended.endedAt === null && !gone.aborted)
        ended = await operations.wait(operation.id, lookSeconds);
      if (ended.state !== 'done')
        throw new AppError('image-unreadable', ended.error?.message ?? `“${operation.title}” was cancelled.`);
      const id = String(ended.result?.downloadId);
      const { name, size, open } = await fetch(id);
      return new SavedFile({
        ...{ name, size },
        open: async (range) => (await open(range)).once('close', () => void files.remove(id)),
      });
    } finally {
      gone.removeEventListener('abort', cancel);
    }
  };

  return {
    files,
    prepare,
    fetch,
    image: async (id, { format, compress = false, tag }, gone) => {
      if (format !== undefined && format !== 'raw')
        return converted(await prepare(id, { format, compress, tag }), gone);
      const { image, chain } = await still(id);
      await demandUnopened(image);
      const [top] = chain;
      if (format === undefined && top !== undefined) return held(image, await imageFile(top));
      const snapshot = tag === undefined ? undefined : snapshotOf(image, tag);
      const stem = [stemOf(image.name), tag].filter((part) => part !== undefined).join(' ');
      const how = { runDir, compress, snapshot };
      return held(image, await rawContent(chain, stem, how, image.virtualSize));
    },
    list: () => files.list(),
    remove: async (id) => {
      await files.get(id);
      await files.remove(id);
    },
    sweep: () => {
      const made = new Set(operations.making());
      return files.sweep((id) => made.has(files.folderOf(id)));
    },
    close: () => sweeping.stop(),
  };
};

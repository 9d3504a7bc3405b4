import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { convertOut, type OutgoingForm } from '../../qemu/exports/convert-out.ts';
import { contentsAreEqual } from '../../qemu/image-work.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { OutgoingFiles } from '../downloads/outgoing-files.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { DescribedDisk, DescribedVm, Description, VmForm } from './described-vm.ts';
import { manifest } from './kubevirt.ts';
import { domain } from './libvirt.ts';
import { ovf } from './ova.ts';
import { type TarEntry, writeTar } from './tar-file.ts';

export interface VmExportRun {
  /** As it was when it was asked for: it stays as it is meanwhile. */
  readonly vm: Vm;
  readonly form: VmForm;
  readonly stem: string;
  readonly downloadId: string;
  readonly bytes: number;
}
type Context = OperationContext<VmExportRun, Record<string, never>>;

const forms: Readonly<
  Record<VmForm, OutgoingForm & { extension: string; describe(vm: DescribedVm): Description }>
> = {
  ova: { format: 'vmdk', compress: true, extension: 'vmdk', describe: ovf },
  libvirt: { format: 'qcow2', compress: false, extension: 'qcow2', describe: domain },
  kubevirt: { format: 'qcow2', compress: true, extension: 'qcow2', describe: manifest },
};

export const archiveName = (stem: string, form: VmForm): string =>
  form === 'ova' ? `${stem}.ova` : `${stem}-${form}.tar`;

const sumOf = async (path: string, signal: AbortSignal): Promise<string> => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2, signal }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
};

/** Each disk in one file that stands on nothing, compared with what it shows. */
const makeDisks = async (
  images: Pick<ImagesService, 'checkedChain'>,
  folder: string,
  context: Context,
): Promise<{ disk: DescribedDisk; path: string }[]> => {
  const { vm, form, stem, bytes } = context.request;
  const { format, compress, extension } = forms[form];
  const made: { disk: DescribedDisk; path: string }[] = [];
  for (const [index, { imageId, bus }] of vm.disks.entries()) {
    const [image] = await images.checkedChain(imageId);
    if (image === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
    const file = `${stem}-disk${index + 1}.${extension}`;
    const path = join(folder, file);
    const done = (part: number, fraction: number): void =>
      context.progress(((index + (part + fraction) / 2) / vm.disks.length) * bytes, bytes);
    await convertOut(
      image,
      path,
      { format, compress },
      workWatch(context, (fraction) => done(0, fraction)),
    );
    const same = await contentsAreEqual(
      image,
      { path, format },
      workWatch(context, (fraction) => done(1, fraction)),
    );
    if (!same)
      throw new AppError(
        'image-unreadable',
        `The file made of “${image.name}” does not read as that; it was removed.`,
      );
    made.push({
      path,
      disk: { file, bus, virtualSize: image.virtualSize, fileSize: (await stat(path)).size },
    });
  }
  return made;
};

/** An OVA begins with its description, and has the sums of all its files behind that. */
const entriesOf = async (
  { fileName, text }: Description,
  disks: readonly { disk: DescribedDisk; path: string }[],
  { request, cancelled }: Context,
): Promise<TarEntry[]> => {
  const files = disks.map(({ disk, path }) => ({ name: disk.file, content: { path } }));
  if (request.form !== 'ova') return [{ name: fileName, content: text }, ...files];
  const sums = [`SHA256(${fileName})= ${createHash('sha256').update(text).digest('hex')}`];
  for (const { disk, path } of disks) sums.push(`SHA256(${disk.file})= ${await sumOf(path, cancelled)}`);
  return [
    { name: fileName, content: text },
    { name: `${request.stem}.mf`, content: `${sums.join('\n')}\n` },
    ...files,
  ];
};

export const vmExportExecutor = (
  images: Pick<ImagesService, 'checkedChain'>,
  files: OutgoingFiles,
): Executor<VmExportRun, Record<string, never>> => ({
  kind: 'vm-export',
  making: ({ downloadId }) => [files.folderOf(downloadId)],
  run: async (context) => {
    const { vm, form, stem, downloadId } = context.request;
    try {
      if (context.resumed) context.recovered('The archive had not been completed and was made again.');
      const target = await files.place(downloadId);
      context.step(0);
      const disks = await makeDisks(images, files.folderOf(downloadId), context);
      context.controls(null);
      context.cancelled.throwIfAborted();
      context.step(1);
      const described = forms[form].describe({ vm, stem, disks: disks.map(({ disk }) => disk) });
      await writeTar(target, await entriesOf(described, disks, context), context.cancelled);
      for (const { path } of disks) await rm(path, { force: true });
      context.cancelled.throwIfAborted();
      context.finishing();
      const name = archiveName(stem, form);
      const { size } = await files.publish(downloadId, { name, notes: described.notes });
      return { downloadId, name, size, notes: described.notes };
    } catch (error) {
      if (!context.ending) await files.remove(downloadId);
      throw error;
    }
  },
});

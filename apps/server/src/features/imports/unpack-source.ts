import { createReadStream } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { type ArrivalFormat, archiveName } from '@strata/contract';
import { archiveFlaw } from './archives/archive-flaw.ts';
import { type ArchiveKind, archiveKind, unpackedName } from './archives/archive-kind.ts';
import type { Bundle, BundleEntry } from './archives/bundle.types.ts';
import { decompress } from './archives/decompress.ts';
import { openFolder } from './archives/folder-bundle.ts';
import { openTar } from './archives/tar-bundle.ts';
import { openZip } from './archives/zip-bundle.ts';
import { readMachine } from './ovf/ovf-bundle.ts';
import type { MappedVm } from './ovf/vm-of-ovf.ts';
import { type Unpacking, unpackInto } from './unpack-file.ts';

/** A file that was in an archive, or the file itself when that is none; nobody has judged it yet. */
export interface LooseFile {
  readonly path: string;
  readonly filename: string;
  /** What the VM's description calls it. */
  readonly fileId: string | null;
}

export interface UnpackedSource {
  readonly files: readonly LooseFile[];
  readonly vm: MappedVm | null;
  readonly notMapped: readonly string[];
}

export interface UnpackSource {
  readonly path: string;
  readonly filename: string;
  readonly name: string;
  readonly format: ArrivalFormat | null;
  /** Paths for what comes out, one after the other. */
  nextPath(): string;
  readonly unpacking: Unpacking;
  onProgress(fraction: number): void;
}

const mostImages = 64;
const mostNotes = 20;
/** A leading `./` is how tar packs the folder it is in. */
const junk = /(^|\/)(__MACOSX\/|\.(?!\/)|desktop\.ini$|thumbs\.db$)/i;
const imageName = /\.(qcow2?|raw|img|dd|bin|vmdk|vdi|vhdx?|vpc|iso|ima|vfd|flp)$/i;

const unpackOne = async (source: UnpackSource, kind: 'gz' | 'xz' | 'zst'): Promise<LooseFile> => {
  const { path, filename, unpacking } = source;
  const { size } = await stat(path);
  const input = createReadStream(path, { highWaterMark: 256 * 1024 });
  const target = source.nextPath();
  await unpackInto(target, decompress(kind, input, filename, unpacking.watch.signal), {
    ...unpacking,
    onBytes: () => source.onProgress(input.bytesRead / size),
  });
  return { path: target, filename: unpackedName(filename), fileId: null };
};

const openBundle = (kind: 'zip' | 'tar' | 'ovf', path: string, filename: string): Promise<Bundle> =>
  kind === 'zip' ? openZip(path, filename) : kind === 'tar' ? openTar(path, filename) : openFolder(path);

/** Of an archive without a VM: what is called like an image, or the one file that there is. */
const chosen = (entries: readonly BundleEntry[], filename: string) => {
  const sound = entries.filter(({ name }) => !junk.test(name));
  const named = sound.filter(({ name }) => imageName.test(name));
  const images = named.length > 0 ? named : sound.length === 1 ? sound : [];
  if (images.length === 0) throw archiveFlaw(filename, 'there is no disk image in it.');
  if (images.length > mostImages)
    throw archiveFlaw(filename, `there are more than ${mostImages} images in it.`);
  const left = sound.filter((entry) => !images.includes(entry)).slice(0, mostNotes);
  return { images, notes: left.map(({ name }) => `“${name}” is no disk image and was passed over.`) };
};

const unpackEntries = async (
  source: UnpackSource,
  wanted: ReadonlyArray<{
    entry: BundleEntry;
    fileId: string | null;
    compressed: boolean;
    digest: readonly [string, string] | null;
  }>,
): Promise<LooseFile[]> => {
  const { filename, unpacking } = source;
  const total = wanted.reduce((sum, { entry }) => sum + entry.size, 0);
  const files: LooseFile[] = [];
  let before = 0;
  for (const { entry, fileId, compressed, digest } of wanted) {
    const target = source.nextPath();
    const plain = entry.open();
    const chunks = compressed
      ? decompress('gz', Readable.from(plain), filename, unpacking.watch.signal)
      : plain;
    const made = await unpackInto(target, chunks, {
      ...unpacking,
      ...(digest === null || compressed ? {} : { digests: [digest[0]] }),
      onBytes: (bytes) => source.onProgress((before + Math.min(bytes, entry.size)) / total),
    });
    before += entry.size;
    files.push({ path: target, filename: basename(entry.name), fileId });
    if (digest !== null && !compressed && made.digests[digest[0]] !== digest[1])
      throw archiveFlaw(
        filename,
        `“${entry.name}” in it does not have the check sum that its manifest gives.`,
      );
  }
  return files;
};

const unpackBundle = async (source: UnpackSource, kind: 'zip' | 'tar' | 'ovf'): Promise<UnpackedSource> => {
  const bundle = await openBundle(kind, source.path, source.filename);
  try {
    const machine = await readMachine(bundle, source.filename, source.name);
    if (machine !== null) {
      const files = await unpackEntries(source, machine.files);
      return { files, vm: machine.vm, notMapped: machine.vm.notMapped };
    }
    const { images, notes } = chosen(bundle.entries, source.filename);
    const wanted = images.map((entry) => ({ entry, fileId: null, compressed: false, digest: null }));
    return { files: await unpackEntries(source, wanted), vm: null, notMapped: notes };
  } finally {
    await bundle.close();
  }
};

const unpackKind = async (source: UnpackSource, kind: ArchiveKind): Promise<UnpackedSource> => {
  if (kind === 'zip' || kind === 'tar' || kind === 'ovf') return unpackBundle(source, kind);
  const file = await unpackOne(source, kind);
  if (!archiveName.test(file.filename)) return { files: [file], vm: null, notMapped: [] };
  // `box.tar.gz`: once more, and no further.
  const inner = await archiveKind(file.path, file.filename, null);
  try {
    if (inner !== 'tar' && inner !== 'zip')
      throw archiveFlaw(source.filename, `“${file.filename}” in it is an archive again.`);
    return await unpackBundle({ ...source, path: file.path, filename: file.filename }, inner);
  } finally {
    await unlink(file.path);
  }
};

/** What is in an archive, each as a file of its own; a file that is none is left as it is. */
export const unpackSource = async (source: UnpackSource): Promise<UnpackedSource> => {
  const kind = await archiveKind(source.path, source.filename, source.format);
  if (kind !== null) return unpackKind(source, kind);
  const { path, filename } = source;
  return { files: [{ path, filename, fileId: null }], vm: null, notMapped: [] };
};

import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import { type ByteRange, SavedFile } from '../../http/saved-file.ts';
import { contentStream } from '../../qemu/exports/content-stream.ts';
import type { ImageFacts } from '../images/images.types.ts';

/** What tells one state of a file from another. */
const stateOf = async (path: string): Promise<string> => {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
};
const versionOf = async (paths: readonly string[]): Promise<string> =>
  createHash('sha256')
    .update((await Promise.all(paths.map(stateOf))).join('\n'))
    .digest('hex')
    .slice(0, 32);

/** Ends well only when the file is at the end what it was at the beginning: half of two states is neither. */
const unlessChanged = (path: string, version: string): Transform =>
  new Transform({
    transform: (chunk, _, done) => done(null, chunk),
    flush: (done) => {
      versionOf([path]).then(
        (now) => done(now === version ? null : new Error(`${path} was changed while it was read`)),
        done,
      );
    },
  });

/** The bytes of one file as they are. */
export const plainFile = async (path: string, name: string): Promise<SavedFile> => {
  const [{ size }, version] = [await stat(path), await versionOf([path])];
  return new SavedFile({
    ...{ name, size, version },
    open: async (range) => {
      const file = await open(path, 'r');
      const bytes = file.createReadStream({ ...(range ?? {}), highWaterMark: 256 * 1024 });
      const checked = unlessChanged(path, version);
      bytes.once('error', (error) => checked.destroy(error));
      checked.once('close', () => bytes.destroy());
      return bytes.pipe(checked);
    },
  });
};

export const imageFile = (image: ImageFacts): Promise<SavedFile> =>
  plainFile(image.path, basename(image.path));

/** The last bytes of a compressed stream tell whether it is whole, so it needs no length. */
const gzipped = (content: Readable): Readable => {
  const gzip = createGzip();
  content.once('error', (error) => gzip.destroy(error));
  gzip.once('close', () => content.destroy());
  return content.pipe(gzip);
};

/** What the chain shows (top first), as raw, while it is read: nothing is written anywhere. */
export const rawContent = async (
  chain: readonly ImageFacts[],
  stem: string,
  { runDir, compress, snapshot }: { runDir: string; compress: boolean; snapshot?: string | undefined },
  size: number,
): Promise<SavedFile> => {
  const [image] = chain;
  if (image === undefined) throw new Error('an image has at least its own layer');
  const read = (range: ByteRange | null): Promise<Readable> =>
    contentStream({ ...image, snapshot: snapshot ?? null }, range ?? { start: 0, end: size - 1 }, runDir);
  if (compress)
    return new SavedFile({ name: `${stem}.raw.gz`, size: null, open: async () => gzipped(await read(null)) });
  const version = `${await versionOf(chain.map(({ path }) => path))}${snapshot ?? ''}`;
  return new SavedFile({ name: `${stem}.raw`, size, version, open: read });
};

import type { Readable } from 'node:stream';
import { uploadMetadata } from '@strata/contract';
import { DataStore, Upload } from '@tus/server';
import { AppError } from '../../app-error.ts';
import { currentBoot } from '../../qemu/process-identity.ts';
import type { UploadParts } from './upload-parts.ts';
import type { UploadsRepository } from './uploads.repository.ts';
import type { UploadRow } from './uploads.types.ts';

/** From the last part on. */
export const lifeMs = 24 * 3600_000;

export const expiryOf = ({ touchedAt }: UploadRow): Date => new Date(Date.parse(touchedAt) + lifeMs);

/** `debian-12.qcow2.xz` → `debian-12`: what an image is called when nobody says. */
const stem = (filename: string): string => {
  const name = filename.split(/[\\/]/).at(-1) ?? '';
  const bare = name
    .replace(/\.(gz|xz|zst|zip|ova)$/i, '')
    .replace(/\.(qcow2?|raw|img|vmdk|vdi|vhdx?|vpc|iso|dd|bin)$/i, '')
    .replace(/[\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
    .slice(0, 100)
    .trim();
  return bare === '' ? 'upload' : bare;
};

/** What the `Upload-Metadata` says, checked. */
export const readMetadata = (metadata: Upload['metadata']) => {
  const parsed = uploadMetadata.safeParse(metadata ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = errors;
  throw new AppError('invalid-request', `Upload-Metadata, ${first?.path}: ${first?.message}`, { errors });
};

/** Where the tus server keeps what it is sent: the books in the database, the bytes in one file each. */
export class UploadStore extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  readonly #repository: UploadsRepository;
  readonly #parts: UploadParts;
  readonly #changed: (id: string) => void;

  constructor(repository: UploadsRepository, parts: UploadParts, changed: (id: string) => void) {
    super();
    this.#repository = repository;
    this.#parts = parts;
    this.#changed = changed;
  }

  row(id: string): UploadRow {
    const row = this.#repository.find(id);
    if (row === null) throw new AppError('not-found', `There is no upload ${id}.`);
    return row;
  }

  override async create(upload: Upload): Promise<Upload> {
    const { filename, name, ...wishes } = readMetadata(upload.metadata);
    const at = new Date().toISOString();
    await this.#parts.create(upload.id);
    this.#repository.insert({
      ...{ id: upload.id, filename, name: name ?? stem(filename), size: upload.size ?? 0, wishes },
      ...{ state: 'receiving', operationId: null, error: null, synced: 0, bootId: await currentBoot() },
      ...{ createdAt: at, touchedAt: at },
    });
    this.#changed(upload.id);
    upload.creation_date = at;
    return upload;
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const row = this.row(id);
    if (row.state !== 'receiving')
      throw new AppError('upload-conflict', `“${row.filename}” is complete and is being taken in.`);
    this.#touch(id);
    // A stream that ended itself would be the reason that is told, before ours is known.
    const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    try {
      return await this.#parts.receive(row, offset, chunks, (synced) =>
        this.#repository.update({ ...this.row(id), synced }),
      );
    } finally {
      if (this.#repository.find(id) !== null) this.#touch(id);
    }
  }

  override async getUpload(id: string): Promise<Upload> {
    const row = this.row(id);
    return new Upload({
      id,
      size: row.size,
      offset: await this.#parts.offset(id),
      metadata: { filename: row.filename },
      creation_date: row.touchedAt,
    });
  }

  override async remove(id: string): Promise<void> {
    this.row(id);
    await this.#parts.stop(id);
    this.#repository.remove(id);
    await this.#parts.remove(id);
    this.#changed(id);
  }

  override getExpiration(): number {
    return lifeMs;
  }

  #touch(id: string): void {
    this.#repository.update({ ...this.row(id), touchedAt: new Date().toISOString() });
    this.#changed(id);
  }
}

import type { ArrivalFormat, Operation, Upload } from '@strata/contract';

/** How the file shall be taken in, when it is complete. */
export interface UploadWishes {
  readonly folder?: string | undefined;
  readonly format?: ArrivalFormat | undefined;
  readonly sha256?: string | undefined;
  readonly useReserve?: boolean | undefined;
  readonly purpose?: Upload['purpose'] | undefined;
}

/** Files for a new image that were sent: a tar, complete. */
export interface SentFiles {
  readonly path: string;
  readonly filename: string;
  readonly size: number;
}

/** What is made of files takes them from here. */
export interface FilesForMaking {
  /** Throws `not-found`, or says why they cannot be taken. */
  ready(id: string): Promise<SentFiles>;
  /** Now this operation has them: when it is done or cancelled they are removed, when it failed they wait again. */
  hand(id: string, operationId: string): void;
}

export interface UploadRow {
  readonly id: string;
  readonly filename: string;
  readonly name: string;
  readonly size: number;
  readonly wishes: UploadWishes;
  /** Of files for a new image `receiving` also when all of them are here, and `importing` while an image is made. */
  readonly state: 'receiving' | 'importing' | 'failed';
  readonly operationId: string | null;
  readonly error: Upload['error'];
  /** What is on disk for certain, and in which run of the host that was. */
  readonly synced: number;
  readonly bootId: string;
  readonly createdAt: string;
  readonly touchedAt: string;
}

export interface UploadsService {
  list(): Promise<Upload[]>;
  /** Throws `not-found`. */
  get(id: string): Promise<Upload>;
  /** Ends a part that is on its way, and removes what was sent. Throws `operation-running` while it is taken in. */
  remove(id: string): Promise<void>;
  /** Takes a complete upload in. Throws `not-possible` for one that is not. */
  import(id: string): Promise<Operation>;
  /** At the start, after operations were recovered: what a crash has left. */
  start(): Promise<void>;
  close(): void;
}

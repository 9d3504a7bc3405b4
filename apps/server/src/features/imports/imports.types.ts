import type { ImageFormat, Operation, UnpackFile } from '@strata/contract';

/** A file that is to become images of the library, and perhaps a VM. */
export interface ImportRequest {
  readonly path: string;
  readonly filename: string;
  /** What the image, or the VM, is called. */
  readonly name: string;
  readonly bytes: number;
  /** The file is ours: when the images are there, or it was refused, it goes. */
  readonly removes: boolean;
  readonly folder: string | null;
  readonly format: ImageFormat | null;
  readonly sha256: string | null;
  readonly useReserve: boolean;
}

/** A file on its way into the library, as the operation writes it down. */
export interface ImportedFile {
  /** In the private folder for what comes from outside. */
  readonly path: string;
  readonly filename: string;
  readonly name: string;
  readonly format: ImageFormat;
}

export interface ImportsService {
  start(request: ImportRequest): Operation;
  /** An archive or an OVF of the host; it stays as it is. */
  unpack(wish: UnpackFile): Promise<Operation>;
}

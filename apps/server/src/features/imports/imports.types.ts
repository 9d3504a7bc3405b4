import type {
  ArrivalFormat,
  ForeignFormat,
  ImageFormat,
  Operation,
  TakeIn,
  UnpackFile,
} from '@strata/contract';

/** A file that is to become images of the library, and perhaps a VM. */
export interface ImportRequest {
  readonly path: string;
  readonly filename: string;
  /** What the image, or the VM, is called. */
  readonly name: string;
  readonly bytes: number;
  /**
   * What becomes of the file. `ours`: it was sent, and goes when the images are there, or it was refused. `stays` where it is and is
   * copied or unpacked; `goes`: its name goes at the end, when all is there; `registered`: it is the image.
   */
  readonly original: 'ours' | 'stays' | 'goes' | 'registered';
  readonly folder: string | null;
  readonly format: ArrivalFormat | null;
  readonly sha256: string | null;
  readonly useReserve: boolean;
}

/** A file on its way into the library, as the operation writes it down. */
export interface ImportedFile {
  /** In the private folder for what comes from outside; or the file itself, when that is no archive. */
  readonly path: string;
  readonly filename: string;
  readonly name: string;
  readonly format: ImageFormat;
  readonly foreign: ForeignFormat | null;
}

export interface ImportsService {
  start(request: ImportRequest): Operation;
  /** An archive or an OVF of the host; it stays as it is. */
  unpack(wish: UnpackFile): Promise<Operation>;
  /** Any file of the host. */
  takeIn(wish: TakeIn): Promise<Operation>;
}

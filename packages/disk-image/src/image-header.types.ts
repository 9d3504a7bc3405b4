/** What a file is by its header. `raw` has no header we know; `unknown` could not be read at all. */
export type ImageKind =
  | 'qcow2'
  | 'raw'
  | 'vmdk'
  | 'vdi'
  | 'vhdx'
  | 'vpc'
  | 'iso'
  // Never opened in place; converted when somebody says so.
  | 'qed'
  | 'parallels'
  // Recognised only to be refused: QEMU would follow what they name.
  | 'qcow1'
  | 'bochs'
  | 'cloop'
  | 'dmg'
  | 'unknown';

export type HeaderProblemCode =
  | 'unreadable'
  | 'truncated'
  | 'damaged-header'
  | 'corrupt'
  | 'bad-size'
  | 'too-many-snapshots'
  | 'unknown-feature'
  | 'bad-backing-name'
  | 'external-data-file'
  | 'encrypted'
  | 'has-parent'
  | 'external-extents'
  | 'needs-repair'
  | 'refused-format';

/** Why this file must not be given to QEMU, in words. Hostile and damaged headers are problems, never exceptions. */
export interface HeaderProblem {
  readonly code: HeaderProblemCode;
  readonly message: string;
}

export interface HeaderBacking {
  /** As it stands in the header, cut at its first NUL as QEMU does. */
  readonly string: string;
  /** The recorded format; null when none is recorded and QEMU would have to guess. */
  readonly format: string | null;
}

export interface HeaderSnapshot {
  readonly id: string;
  readonly tag: string;
  /** Seconds since 1970; 0 when unknown. */
  readonly dateSeconds: number;
  readonly vmStateSize: number;
  /** Virtual size of the disk then; null in old images that do not record it. */
  readonly diskSize: number | null;
  readonly l1: { readonly offset: number; readonly entries: number };
}

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly headerLength: number;
  readonly incompatible: { readonly bits: bigint; readonly unknown: bigint };
  readonly compatible: bigint;
  readonly autoclear: bigint;
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly extendedL2: boolean;
  readonly compression: 'zlib' | 'zstd';
  readonly refcountBits: number;
  readonly l1: { readonly offset: number; readonly entries: number };
  readonly refcountTable: { readonly offset: number; readonly clusters: number };
  /** Set when guest data lies in another file; the name only if the header tells it. */
  readonly dataFile: { readonly name: string | null } | null;
  readonly encryption: 'none' | 'aes' | 'luks' | 'unknown';
  readonly snapshots: readonly HeaderSnapshot[];
  readonly bitmaps: number;
}

export interface VmdkHeader {
  readonly createType: string | null;
  /** Files the descriptor names, as written there. */
  readonly extents: readonly string[];
}

export interface ImageHeader {
  readonly kind: ImageKind;
  readonly fileSize: number;
  /** Bytes; 0 when the header does not tell, or tells nonsense. */
  readonly virtualSize: number;
  readonly backing: HeaderBacking | null;
  /** Everything that forbids opening it; empty for a sound image. */
  readonly problems: readonly HeaderProblem[];
  /** The program that made the file, as it says of itself or as its mark is known; left out where a format has no place for it. */
  readonly creator?: string;
  readonly qcow2?: Qcow2Header;
  readonly vmdk?: VmdkHeader;
}

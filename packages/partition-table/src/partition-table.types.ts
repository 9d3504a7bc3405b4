/** Bytes of the disk from `offset` on: as many as were asked for, or as many as there are before its end. */
export type ReadDisk = (offset: number, length: number) => Promise<Uint8Array>;

export interface Partition {
  /** As Linux counts: of an MBR 1 to 4 are the primary ones, 5 and up the logical ones. */
  readonly number: number;
  /** `extended` is no place for data of its own: the logical ones lie in it. */
  readonly kind: 'primary' | 'extended' | 'logical' | 'gpt';
  /** Of an MBR two hexadecimal digits, of a GPT the GUID of its type. */
  readonly type: string;
  /** In words; null for a type that few use. */
  readonly typeName: string | null;
  /** In sectors. */
  readonly start: number;
  readonly sectors: number;
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
  readonly bootable: boolean;
  /** The name in a GPT; without what would lie about where it is shown. */
  readonly label: string | null;
  /** The GUID of this partition in a GPT. */
  readonly uuid: string | null;
}

export type TableProblemCode =
  | 'beyond-end'
  | 'overlap'
  | 'too-many'
  | 'broken-chain'
  | 'primary-damaged'
  | 'backup-damaged'
  | 'backup-not-at-end'
  | 'unreadable';

/** What is wrong with a table, in words; what could be read of it is told all the same. */
export interface TableProblem {
  readonly code: TableProblemCode;
  readonly message: string;
}

/** The first table of a GPT, as it would have to be written for another size of the disk. */
export interface GptPlace {
  readonly headerBytes: Uint8Array;
  readonly entryBytes: Uint8Array;
  readonly entriesAt: number;
  /** Sectors that the entries take. */
  readonly entrySectors: number;
  readonly firstUsable: number;
}

export interface PartitionTable {
  /** `none`: the disk is empty, or holds one file system from its first byte on. */
  readonly scheme: 'none' | 'mbr' | 'gpt';
  readonly sectorSize: number;
  /** By their place on the disk. */
  readonly partitions: readonly Partition[];
  readonly problems: readonly TableProblem[];
  readonly gpt: GptPlace | null;
}

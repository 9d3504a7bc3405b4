import { qcow2Magic } from './qcow2-header.ts';

export interface EmptyQcow2 {
  readonly virtualSize: number;
  /** Goes into the header as it is. */
  readonly backing: { readonly string: string; readonly format: string | null } | null;
}

const clusterBits = 16;
const cluster = 2 ** clusterBits;
const headerBytes = 112;
const backingFormatExtension = 0xe2792aca;
const mostNameBytes = 1023;

/*
 *     0         1                2                3
 *     header    refcount table   refcount block   L1 table: as many clusters as the size needs
 */
const places = { refcountTable: cluster, refcountBlock: 2 * cluster, l1: 3 * cluster } as const;

const writeHeader = (bytes: Buffer, virtualSize: number, l1Entries: number): void => {
  bytes.writeUInt32BE(qcow2Magic, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(clusterBits, 20);
  bytes.writeBigUInt64BE(BigInt(virtualSize), 24);
  bytes.writeUInt32BE(l1Entries, 36);
  bytes.writeBigUInt64BE(BigInt(places.l1), 40);
  bytes.writeBigUInt64BE(BigInt(places.refcountTable), 48);
  bytes.writeUInt32BE(1, 56);
  // Refcounts of 2 ** 4 bits.
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(headerBytes, 100);
};

/** The extension, the end of the extensions (zeros), then the name, which the header points to. */
const writeBacking = (bytes: Buffer, { string, format }: NonNullable<EmptyQcow2['backing']>): void => {
  const name = Buffer.from(string);
  if (name.length === 0 || name.length > mostNameBytes)
    throw new RangeError(`a backing file name of ${name.length} bytes does not fit a header`);
  let at = headerBytes;
  if (format !== null) {
    const driver = Buffer.from(format);
    bytes.writeUInt32BE(backingFormatExtension, at);
    bytes.writeUInt32BE(driver.length, at + 4);
    driver.copy(bytes, at + 8);
    at += 8 + Math.ceil(driver.length / 8) * 8;
  }
  at += 8;
  name.copy(bytes, at);
  bytes.writeBigUInt64BE(BigInt(at), 8);
  bytes.writeUInt32BE(name.length, 16);
};

/**
 * The whole file of a qcow2 that holds nothing of its own yet: version 3, clusters of 64 KiB, as `qemu-img create` makes it
 * when nothing else is asked for.
 */
export const emptyQcow2 = ({ virtualSize, backing }: EmptyQcow2): Buffer => {
  if (!Number.isSafeInteger(virtualSize) || virtualSize < 0 || virtualSize % 512 !== 0)
    throw new RangeError(`${virtualSize} is not a size of a disk`);
  const l1Entries = Math.ceil(virtualSize / (cluster * (cluster / 8)));
  const bytes = Buffer.alloc(places.l1 + l1Entries * 8);
  writeHeader(bytes, virtualSize, l1Entries);
  if (backing !== null) writeBacking(bytes, backing);
  bytes.writeBigUInt64BE(BigInt(places.refcountBlock), places.refcountTable);
  // Each cluster of the file is used once.
  for (let at = 0; at < Math.ceil(bytes.length / cluster); at += 1)
    bytes.writeUInt16BE(1, places.refcountBlock + at * 2);
  return bytes;
};

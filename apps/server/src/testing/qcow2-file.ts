import { writeFileSync } from 'node:fs';

export interface Qcow2File {
  readonly size?: number;
  readonly backing?: string;
  readonly backingFormat?: string;
}

/** A sound, empty qcow2 (version 3, clusters of 64 KiB) without starting qemu-img: many of them are made in no time. */
export const writeQcow2File = (path: string, file: Qcow2File = {}): void => {
  const cluster = 65_536;
  const size = file.size ?? 64 * 1024 ** 2;
  const entries = Math.ceil(size / (8192 * cluster));
  const bytes = Buffer.alloc(3 * cluster + entries * 8);
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(BigInt(size), 24);
  bytes.writeUInt32BE(entries, 36);
  bytes.writeBigUInt64BE(BigInt(3 * cluster), 40);
  bytes.writeBigUInt64BE(BigInt(cluster), 48);
  bytes.writeUInt32BE(1, 56);
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(104, 100);
  let at = 104;
  if (file.backingFormat !== undefined) {
    bytes.writeUInt32BE(0xe2792aca, at);
    bytes.writeUInt32BE(file.backingFormat.length, at + 4);
    bytes.write(file.backingFormat, at + 8);
    at += 8 + Math.ceil(file.backingFormat.length / 8) * 8;
  }
  at += 8;
  if (file.backing !== undefined) {
    bytes.writeBigUInt64BE(BigInt(at), 8);
    bytes.writeUInt32BE(Buffer.byteLength(file.backing), 16);
    bytes.write(file.backing, at);
  }
  // One refcount block; the four clusters of the file are used once each.
  bytes.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let index = 0; index < 4; index += 1) bytes.writeUInt16BE(1, 2 * cluster + index * 2);
  writeFileSync(path, bytes);
};

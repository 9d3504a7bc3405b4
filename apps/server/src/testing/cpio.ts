/** A file or folder of an initramfs. */
export interface CpioEntry {
  readonly path: string;
  /** Null: a folder. */
  readonly content: Buffer | null;
  readonly executable?: boolean;
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
const hex = (value: number): string => value.toString(16).padStart(8, '0');

const record = (index: number, path: string, mode: number, content: Buffer): Buffer => {
  const name = Buffer.from(`${path}\0`);
  const fields = [index, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map(hex).join('')}`);
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(content)]);
};

/** The "newc" format that the kernel unpacks as its first root (Documentation/driver-api/early-userspace/buffer-format.rst). */
export const cpioArchive = (entries: readonly CpioEntry[]): Buffer =>
  Buffer.concat([
    ...entries.map(({ path, content, executable }, index) =>
      content === null
        ? record(index + 1, path, 0o040755, Buffer.alloc(0))
        : record(index + 1, path, executable === true ? 0o100755 : 0o100644, content),
    ),
    record(0, 'TRAILER!!!', 0, Buffer.alloc(0)),
  ]);

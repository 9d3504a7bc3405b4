import { describe, expect, it } from 'vitest';
import { extendLast, readPartitionTable } from './index.ts';
import { gptTable, mbrTable, memoryDisk, type TestDisk } from './testing/index.ts';

const mebibyte = 1024 ** 2;
const linux = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const read = (disk: TestDisk) => readPartitionTable(disk.read, disk.size);

/** A disk that was made for `before` bytes and has grown to `size`. */
const grown = async (writes: Parameters<TestDisk['write']>[0], size: number) => {
  const disk = memoryDisk(size);
  disk.write(writes);
  return { disk, table: await read(disk) };
};

describe('the last partition', () => {
  it('of a GPT gets all that is free behind it, and both copies of the table say so', async () => {
    const partitions = [
      { type: linux, start: 2048, sectors: 2048, label: 'one' },
      { type: linux, start: 4096, sectors: 4096, label: 'two' },
    ];
    const { disk, table } = await grown(gptTable(8 * mebibyte, partitions), 64 * mebibyte);
    expect(table.problems.map(({ code }) => code)).toEqual(['backup-not-at-end']);
    const extended = extendLast(table, disk.size);
    if (typeof extended === 'string') throw new Error(extended);
    disk.write(extended.writes);
    const after = await read(disk);
    expect(after.problems).toEqual([]);
    expect(after.partitions).toEqual([table.partitions[0], extended.after]);
    // A whole number of MiB, and the second copy has its place behind.
    expect(extended.after.offset + extended.after.size).toBe(63 * mebibyte);
    // Without the first copy the second one tells the same.
    disk.write([{ offset: 512, bytes: new Uint8Array(512) }]);
    expect((await read(disk)).partitions).toEqual(after.partitions);
  });

  it('of a boot record is the one that ends last, whatever its number', async () => {
    const boot = mbrTable([
      { type: 0x83, start: 8192, sectors: 4096, boot: true },
      { type: 0x83, start: 2048, sectors: 2048 },
    ]);
    const { disk, table } = await grown([boot], 32 * mebibyte);
    const extended = extendLast(table, disk.size);
    if (typeof extended === 'string') throw new Error(extended);
    expect(extended.before.number).toBe(1);
    disk.write(extended.writes);
    const after = await read(disk);
    expect(after.problems).toEqual([]);
    expect(after.partitions.find(({ number }) => number === 1)).toEqual(extended.after);
    expect(after.partitions.find(({ number }) => number === 2)).toEqual(
      table.partitions.find(({ number }) => number === 2),
    );
    expect(extended.after).toMatchObject({ bootable: true, start: 8192, sectors: 65_536 - 8192 });
  });

  it('of a boot record ends where its fields end', async () => {
    const { table } = await grown([mbrTable([{ type: 7, start: 2048, sectors: 2048 }])], 4 * mebibyte);
    const extended = extendLast(table, 4 * 1024 ** 4);
    if (typeof extended === 'string') throw new Error(extended);
    expect(extended.after.start + extended.after.sectors).toBeLessThanOrEqual(2 ** 32 - 1);
  });
});

describe('nothing is extended', () => {
  it('where there is no room, no partition, or one inside another', async () => {
    const full = await grown(
      gptTable(8 * mebibyte, [{ type: linux, start: 2048, sectors: 12_288 }]),
      8 * mebibyte,
    );
    expect(extendLast(full.table, full.disk.size)).toBe('no-room');
    const blank = await grown([], 8 * mebibyte);
    expect(extendLast(blank.table, blank.disk.size)).toBe('none');
    const extended = mbrTable([{ type: 0x05, start: 2048, sectors: 8192 }]);
    const logical = mbrTable([{ type: 0x83, start: 2048, sectors: 2048 }], 2048);
    const nested = await grown([extended, logical], 32 * mebibyte);
    expect(extendLast(nested.table, nested.disk.size)).toBe('logical');
  });

  it('where the table is damaged', async () => {
    const writes = [
      ...gptTable(8 * mebibyte, [{ type: linux, start: 2048, sectors: 2048 }]),
      { offset: 512, bytes: new Uint8Array(512) },
    ];
    const { disk, table } = await grown(writes, 8 * mebibyte);
    expect(extendLast(table, disk.size)).toBe('damaged');
  });
});

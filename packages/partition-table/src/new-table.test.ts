import { describe, expect, it } from 'vitest';
import { newPartitionTable } from './new-table.ts';
import { readPartitionTable } from './read-partition-table.ts';

const mebibyte = 1024 ** 2;
const size = 16 * mebibyte;
const random = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, at) => at * 37 + 1);
const common = { size, offset: mebibyte, length: 14 * mebibyte, name: 'STRATA', random };

const written = (writes: ReturnType<typeof newPartitionTable>): Uint8Array => {
  const disk = new Uint8Array(size);
  for (const { offset, bytes } of writes) disk.set(bytes, offset);
  return disk;
};
const readBack = (disk: Uint8Array) =>
  readPartitionTable((offset, length) => Promise.resolve(disk.subarray(offset, offset + length)), size);

describe('a new partition table', () => {
  it('as MBR has one primary partition of that type at that place', async () => {
    const table = await readBack(written(newPartitionTable({ ...common, scheme: 'mbr', type: '0c' })));
    expect(table).toMatchObject({ scheme: 'mbr', problems: [] });
    expect(table.partitions).toHaveLength(1);
    expect(table.partitions[0]).toMatchObject({
      ...{ number: 1, kind: 'primary', type: '0c', offset: mebibyte, size: 14 * mebibyte },
    });
  });

  it('as GPT is whole at both ends, with identifiers of its own and the name', async () => {
    const type = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
    const disk = written(newPartitionTable({ ...common, scheme: 'gpt', type }));
    const table = await readBack(disk);
    expect(table).toMatchObject({ scheme: 'gpt', problems: [] });
    expect(table.partitions).toHaveLength(1);
    expect(table.partitions[0]).toMatchObject({
      ...{ number: 1, type, typeName: 'EFI system', offset: mebibyte, size: 14 * mebibyte, label: 'STRATA' },
    });
    expect(table.partitions[0]?.uuid).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB]/);
    // The second copy alone is enough.
    disk.fill(0, 512, 1024);
    const healed = await readBack(disk);
    expect(healed.partitions[0]).toMatchObject({ offset: mebibyte, size: 14 * mebibyte });
    expect(healed.problems.map(({ code }) => code)).toEqual(['primary-damaged']);
  });

  it('is refused for a partition that does not lie in the disk', () => {
    const wrong = [
      { offset: 512 },
      { length: size },
      { length: 15 * mebibyte },
      { length: 0 },
      { offset: 7 },
    ];
    for (const change of wrong)
      expect(
        () => newPartitionTable({ ...common, scheme: 'gpt', type: 'x', ...change }),
        JSON.stringify(change),
      ).toThrow(RangeError);
    const huge = { size: 4 * 1024 ** 4, length: 3 * 1024 ** 4 };
    expect(() => newPartitionTable({ ...common, ...huge, scheme: 'mbr', type: '83' })).toThrow(/2 TiB/);
  });
});

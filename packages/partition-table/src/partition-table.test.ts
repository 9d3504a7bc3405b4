import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from './crc32.ts';
import { lastPartition, partitionsEnd, readPartitionTable, relocateGpt, smallestSize } from './index.ts';
import { gptTable, mbrTable, memoryDisk, type TestDisk } from './testing/index.ts';

const mebibyte = 1024 ** 2;
const linux = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const efi = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';

const tableOf = (disk: TestDisk) => readPartitionTable(disk.read, disk.size);

const gptDisk = (size = 64 * mebibyte, sectorSize = 512): TestDisk => {
  const disk = memoryDisk(size);
  const perMebibyte = mebibyte / sectorSize;
  disk.write(
    gptTable(
      size,
      [
        { type: efi, start: perMebibyte, sectors: 4 * perMebibyte, label: 'EFI' },
        { type: linux, start: 5 * perMebibyte, sectors: 20 * perMebibyte, label: 'root' },
      ],
      sectorSize,
    ),
  );
  return disk;
};

describe('an MBR', () => {
  it('tells its primary partitions, with offsets in bytes', async () => {
    const disk = memoryDisk(64 * mebibyte);
    disk.write([
      mbrTable([
        { type: 0x0c, start: 2048, sectors: 4096, boot: true },
        { type: 0x83, start: 6144, sectors: 8192 },
      ]),
    ]);
    const table = await tableOf(disk);
    expect(table).toMatchObject({ scheme: 'mbr', sectorSize: 512, problems: [] });
    expect(table.partitions).toMatchObject([
      {
        number: 1,
        kind: 'primary',
        type: '0c',
        typeName: 'FAT32',
        offset: mebibyte,
        size: 2 * mebibyte,
        bootable: true,
      },
      { number: 2, type: '83', typeName: 'Linux', start: 6144, sectors: 8192, bootable: false },
    ]);
    expect(partitionsEnd(table)).toBe(7 * mebibyte);
    expect(smallestSize(table)).toBe(7 * mebibyte);
    expect(lastPartition(table)?.number).toBe(2);
  });

  it('tells the logical partitions in its extended one, counted from 5', async () => {
    const disk = memoryDisk(64 * mebibyte);
    disk.write([
      mbrTable([
        { type: 0x83, start: 2048, sectors: 2048 },
        { type: 0x05, start: 4096, sectors: 40_960 },
      ]),
      mbrTable(
        [
          { type: 0x83, start: 2048, sectors: 4096 },
          { type: 0x05, start: 8192, sectors: 8192 },
        ],
        4096,
      ),
      mbrTable([{ type: 0x82, start: 2048, sectors: 2048 }], 4096 + 8192),
    ]);
    const table = await tableOf(disk);
    expect(table.problems).toEqual([]);
    expect(table.partitions.map(({ number, kind, start }) => [number, kind, start])).toEqual([
      [1, 'primary', 2048],
      [2, 'extended', 4096],
      [5, 'logical', 6144],
      [6, 'logical', 14_336],
    ]);
    // The extended one ends behind what lies in it.
    expect(partitionsEnd(table)).toBe((4096 + 40_960) * 512);
    expect(lastPartition(table)).toMatchObject({ number: 6, typeName: 'Linux swap' });
  });

  it('with logical partitions in a circle, cut off, or leading out is read as far as it goes', async () => {
    for (const next of [0, 8192, 50_000]) {
      const disk = memoryDisk(64 * mebibyte);
      disk.write([
        mbrTable([{ type: 0x0f, start: 4096, sectors: 40_960 }]),
        mbrTable(
          [
            { type: 0x83, start: 63, sectors: 100 },
            { type: 0x05, start: next, sectors: 100 },
          ],
          4096,
        ),
      ]);
      const table = await tableOf(disk);
      expect(table.problems.map(({ code }) => code)).toEqual(['broken-chain']);
      expect(table.partitions.map(({ number }) => number)).toEqual([1, 5]);
      expect(disk.reads.count).toBeLessThan(10);
    }
  });

  it('of a thousand logical partitions is read up to a limit', async () => {
    const disk = memoryDisk(64 * mebibyte);
    disk.write([
      mbrTable([{ type: 0x05, start: 2048, sectors: 100_000 }]),
      ...Array.from({ length: 1000 }, (_, index) =>
        mbrTable(
          [
            { type: 0x83, start: 1, sectors: 1 },
            { type: 0x05, start: (index + 1) * 2, sectors: 2 },
          ],
          2048 + index * 2,
        ),
      ),
    ]);
    const table = await tableOf(disk);
    expect(table.partitions.length).toBeLessThan(300);
    expect(table.problems[0]?.code).toBe('broken-chain');
  });

  it('is none when boot code lies where the entries would be, or a file system begins there', async () => {
    const code = memoryDisk(mebibyte);
    const sector = mbrTable([]);
    sector.bytes.fill(0x41, 400, 510);
    code.write([sector]);
    expect((await tableOf(code)).scheme).toBe('none');
    const fat = memoryDisk(mebibyte);
    const boot = mbrTable([]);
    boot.bytes.set([0xeb, 0x3c, 0x90], 0);
    boot.bytes.set([0x00, 0x02], 11);
    fat.write([boot]);
    expect((await tableOf(fat)).scheme).toBe('none');
    expect((await tableOf(memoryDisk(mebibyte))).scheme).toBe('none');
    expect((await tableOf(memoryDisk(100))).scheme).toBe('none');
  });

  it('says which partitions overlap, and which go beyond the end', async () => {
    const disk = memoryDisk(4 * mebibyte);
    disk.write([
      mbrTable([
        { type: 0x83, start: 2048, sectors: 4096 },
        { type: 0x83, start: 4096, sectors: 8192 },
      ]),
    ]);
    expect((await tableOf(disk)).problems.map(({ code }) => code)).toEqual(['beyond-end', 'overlap']);
  });
});

describe('a GPT', () => {
  it.each([512, 4096])(
    'with sectors of %i bytes tells its partitions with names and types',
    async (sectorSize) => {
      const table = await tableOf(gptDisk(64 * mebibyte, sectorSize));
      expect(table).toMatchObject({ scheme: 'gpt', sectorSize, problems: [] });
      expect(table.partitions).toMatchObject([
        {
          number: 1,
          kind: 'gpt',
          typeName: 'EFI system',
          label: 'EFI',
          offset: mebibyte,
          size: 4 * mebibyte,
        },
        { number: 2, typeName: 'Linux', label: 'root', offset: 5 * mebibyte, size: 20 * mebibyte },
      ]);
      expect(partitionsEnd(table)).toBe(25 * mebibyte);
      expect(smallestSize(table)).toBe(25 * mebibyte + 16_384 + sectorSize);
    },
  );

  it('is read from its second table when the first is damaged, and says so', async () => {
    const disk = gptDisk();
    disk.write([{ offset: 520, bytes: new Uint8Array([1, 2, 3]) }]);
    const table = await tableOf(disk);
    expect(table.partitions).toHaveLength(2);
    expect(table.problems.map(({ code }) => code)).toEqual(['primary-damaged']);
    expect(table.gpt).toBeNull();
  });

  it('with a damaged entry is not believed: its sum is wrong', async () => {
    const disk = gptDisk();
    disk.write([{ offset: 1024 + 33, bytes: new Uint8Array([0xff]) }]);
    expect((await tableOf(disk)).problems.map(({ code }) => code)).toEqual(['primary-damaged']);
  });

  it('says when the second table is lost, or no longer at the end of a disk that has grown', async () => {
    const disk = gptDisk();
    expect((await readPartitionTable(disk.read, disk.size + mebibyte)).problems).toMatchObject([
      { code: 'backup-not-at-end' },
    ]);
    disk.write([{ offset: disk.size - 512, bytes: new Uint8Array(512) }]);
    expect((await tableOf(disk)).problems).toMatchObject([{ code: 'backup-damaged' }]);
  });

  it('of which neither table can be read is a boot record that says so', async () => {
    const disk = gptDisk();
    disk.write([
      { offset: 512, bytes: new Uint8Array(512) },
      { offset: disk.size - 512, bytes: new Uint8Array(512) },
    ]);
    expect(await tableOf(disk)).toMatchObject({ scheme: 'mbr', problems: [{ code: 'unreadable' }] });
  });

  it('shows no control characters and no change of the direction of writing in its names', async () => {
    const disk = memoryDisk(64 * mebibyte);
    disk.write(gptTable(disk.size, [{ type: linux, start: 2048, sectors: 8, label: 'a\u001b[2J\u202egpj' }]));
    expect((await tableOf(disk)).partitions[0]?.label).toBe('a\ufffd[2J\ufffdgpj');
  });

  it('left over from an earlier life of the disk, without a boot record that announces it, is not shown', async () => {
    const disk = gptDisk();
    disk.write([mbrTable([{ type: 0x83, start: 2048, sectors: 2048 }])]);
    expect(await tableOf(disk)).toMatchObject({ scheme: 'mbr', partitions: [{ number: 1 }] });
  });

  it('has sums as everybody computes them', () => {
    expect(crc32(Uint8Array.from('123456789', (digit) => digit.charCodeAt(0)))).toBe(0xcbf43926);
  });
});

describe('a GPT for a disk of another size', () => {
  it.each([30, 128])(
    'of %i MiB tells the same partitions, without a problem, before the cut and after it',
    async (size) => {
      const disk = memoryDisk(256 * mebibyte);
      disk.write(gptTable(64 * mebibyte, [{ type: linux, start: 2048, sectors: 20 * 2048, label: 'root' }]));
      const before = await readPartitionTable(disk.read, 64 * mebibyte);
      if (before.gpt === null) throw new Error('no GPT');
      const writes = relocateGpt(before.gpt, size * mebibyte, 512);
      for (const write of writes) {
        disk.write([write]);
        // Killed here, the table is whole all the same.
        expect((await readPartitionTable(disk.read, 64 * mebibyte)).partitions).toEqual(before.partitions);
      }
      const after = await readPartitionTable(disk.read, size * mebibyte);
      expect(after).toMatchObject({ scheme: 'gpt', problems: [] });
      expect(after.partitions).toEqual(before.partitions);
      const second = memoryDisk(size * mebibyte);
      second.write([{ offset: 0, bytes: await disk.read(0, 512) }]);
      const last = size * mebibyte - 512;
      for (const at of [...writes.slice(0, 1), { offset: last, bytes: await disk.read(last, 512) }])
        second.write([{ offset: at.offset, bytes: at.bytes }]);
      expect(await tableOf(second)).toMatchObject({
        partitions: before.partitions,
        problems: [{ code: 'primary-damaged' }],
      });
    },
  );
});

describe('whatever lies on a disk', () => {
  it('is read in bounds: random bytes in all the places where tables lie', async () => {
    const garbage = fc.uint8Array({ minLength: 0, maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1500 }), garbage)),
        fc.boolean(),
        async (spots, isGpt) => {
          const disk = isGpt ? gptDisk(8 * mebibyte + 512) : memoryDisk(8 * mebibyte);
          if (!isGpt)
            disk.write([
              mbrTable([{ type: 0x05, start: 1, sectors: 0xffffffff }]),
              mbrTable([{ type: 0x05, start: 1, sectors: 0xffffffff }], 1),
            ]);
          disk.write(spots.map(([offset, bytes]) => ({ offset, bytes })));
          const table = await tableOf(disk);
          expect(disk.reads.count).toBeLessThan(300);
          expect(disk.reads.bytes).toBeLessThan(8 * mebibyte);
          for (const { offset, size } of table.partitions)
            expect(Number.isSafeInteger(offset + size)).toBe(true);
          expect(Number.isFinite(smallestSize(table))).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a GPT that claims more entries than there can be is not believed', async () => {
    const disk = gptDisk();
    const header = await disk.read(512, 512);
    const view = new DataView(header.buffer);
    view.setUint32(80, 0xffff_ffff, true);
    view.setUint32(16, 0, true);
    view.setUint32(16, crc32(header.slice(0, 92)), true);
    disk.write([{ offset: 512, bytes: header }]);
    expect((await tableOf(disk)).problems.map(({ code }) => code)).toEqual(['primary-damaged']);
    expect(disk.reads.bytes).toBeLessThan(mebibyte);
  });
});

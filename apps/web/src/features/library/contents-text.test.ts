import type { DiskContents, FilledPartition } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { diskWords, fileSystemWords, holdsWords, partitionsAsText, typeWords } from './contents-text.ts';

const ext4 = { kind: 'ext4', label: 'rootfs', uuid: 'u-1', size: 8192, notes: ['last mounted at /'] };
const partition = (wish: Partial<FilledPartition>): FilledPartition => ({
  ...{ number: 1, kind: 'gpt', type: 'GUID', typeName: 'Linux', start: 2048, sectors: 16, offset: 1_048_576 },
  ...{ size: 8192, bootable: false, uuid: null, name: 'system' },
  ...{ fileSystem: 'ext4', label: 'rootfs', content: ext4 },
  ...wish,
});
const disk = (wish: Partial<DiskContents>): DiskContents => ({
  ...{ scheme: 'gpt', sectorSize: 512, items: [partition({})], problems: [], whole: null },
  ...{ boot: [], system: null, blank: false },
  ...wish,
});

describe('what an image is', () => {
  it('names a file system with its label and what is known of it', () => {
    expect(fileSystemWords(ext4)).toBe('ext4 “rootfs”, last mounted at /');
    expect(fileSystemWords({ ...ext4, kind: 'newfs', label: null, notes: [] })).toBe('newfs');
  });
  it('says of a partition what it holds and what it is meant for', () => {
    expect(holdsWords(partition({}))).toBe('ext4 “rootfs”, last mounted at /');
    expect(holdsWords(partition({ content: null }))).toBe('not known');
    expect(typeWords(partition({ bootable: true }))).toBe('Linux, “system”, active');
    expect(typeWords(partition({ typeName: null, type: '7f', name: null }))).toBe('7f');
  });
  it('says of a disk its table, or what begins with its first byte, or that it is empty', () => {
    expect(diskWords(disk({}))).toBe('GPT, sectors of 512 bytes');
    expect(diskWords(disk({ scheme: 'none', items: [], whole: ext4 }))).toBe(
      'ext4 “rootfs”, last mounted at /',
    );
    expect(diskWords(disk({ whole: { ...ext4, kind: 'iso9660', label: 'D', notes: [] } }))).toBe(
      'ISO 9660 “D”, GPT, sectors of 512 bytes',
    );
    expect(diskWords(disk({ scheme: 'none', items: [], blank: true }))).toMatch(/^empty/);
    expect(diskWords(disk({ scheme: 'none', items: [] }))).toMatch(/^no partitions/);
  });
  it('is copied as lines with offsets in bytes', () => {
    expect(partitionsAsText(disk({}))).toBe(
      'No.\tBegins at byte\tSize\tHolds\tUUID\tType\n1\t1048576\t8192\text4 “rootfs”, last mounted at /\tu-1\tLinux, “system”',
    );
  });
});

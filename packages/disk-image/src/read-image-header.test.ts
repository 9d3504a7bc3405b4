import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openForReading } from './open-for-reading.ts';
import { readImageHeader } from './read-image-header.ts';
import { temporaryFolder } from './testing/image-files.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const file = (name: string, content: Buffer | string): string => {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
};

describe('openForReading', () => {
  test('refuses a FIFO, a folder, a link and a device without hanging', async () => {
    const fifo = join(folder.path, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const directory = join(folder.path, 'directory');
    mkdirSync(directory);
    const link = join(folder.path, 'link');
    symlinkSync('/etc/hostname', link);
    for (const path of [fifo, directory, link, '/dev/zero']) {
      await expect(openForReading(path)).rejects.toMatchObject({ code: 'not-a-file' });
    }
  });

  test('refuses a socket', async () => {
    const path = join(folder.path, 'socket');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(openForReading(path)).rejects.toMatchObject({ code: 'not-a-file' });
    server.close();
  });

  test('says when there is no such file', async () => {
    await expect(openForReading(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'missing' });
  });
});

describe('readImageHeader on files QEMU did not make', () => {
  test('tells a FIFO as a problem', async () => {
    const header = await readImageHeader('/dev/zero');
    expect(header).toMatchObject({ kind: 'unknown', problems: [{ code: 'unreadable' }] });
  });

  test('takes a file without a header as raw, in whole sectors', async () => {
    const header = await readImageHeader(file('raw', 'x'.repeat(1000)));
    expect(header).toMatchObject({ kind: 'raw', virtualSize: 1024, problems: [] });
  });

  test('knows an ISO by its volume descriptor', async () => {
    const iso = Buffer.alloc(40_960);
    iso.write('\u0001CD001', 32_768, 'latin1');
    expect(await readImageHeader(file('iso', iso))).toMatchObject({ kind: 'iso', virtualSize: 40_960 });
  });

  test.each([
    ['qcow1', Buffer.from('514649fb00000001'.padEnd(1024, '0'), 'hex')],
    ['bochs', Buffer.from('Bochs Virtual HD Image'.padEnd(512, '\0'))],
    ['dmg', Buffer.concat([Buffer.alloc(4096), Buffer.from('koly'.padEnd(512, '\0'))])],
  ])('refuses %s', async (kind, content) => {
    const header = await readImageHeader(file(kind, content));
    expect(header).toMatchObject({ kind, problems: [{ code: 'refused-format' }] });
  });

  test.each([
    ['qed', 'QED\0'],
    ['parallels', 'WithoutFreeSpace'],
    ['parallels', 'WithouFreSpacExt'],
  ])('refuses %s to be opened, and tells what else is wrong with its header', async (kind, magic) => {
    const header = await readImageHeader(file(kind, magic.padEnd(512, '\0')));
    expect(header.kind).toBe(kind);
    expect(header.problems.map(({ code }) => code)).toEqual([
      'refused-format',
      expect.stringMatching(/damaged-header|unknown-feature/),
    ]);
  });

  test('tells an empty file', async () => {
    expect((await readImageHeader(file('empty', ''))).problems).toMatchObject([{ code: 'bad-size' }]);
  });

  test.each([4, 7, 8, 40, 71, 103])('tells a qcow2 of %i bytes as cut off', async (length) => {
    const path = file(`short-${length}`, Buffer.from('514649fb00000003'.padEnd(208, '0'), 'hex'));
    truncateSync(path, length);
    const header = await readImageHeader(path);
    expect(header.kind).toBe('qcow2');
    expect(header.problems).not.toEqual([]);
  });

  test.each([
    ['vhdx', 'vhdxfile'],
    ['vmdk', 'KDMV'],
    ['vpc', 'conectix'],
  ])('tells a %s that ends after its magic as cut off, and never as raw', async (kind, magic) => {
    const header = await readImageHeader(file(`magic-${kind}`, magic));
    expect(header.kind).toBe(kind);
    expect(header.problems).not.toEqual([]);
  });

  test('is quick with 64 KiB of blank lines in a VMDK descriptor', async () => {
    const path = file('blank.vmdk', `# Disk DescriptorFile\nversion=1\n${'\n'.repeat(65_000)}`);
    const before = performance.now();
    expect(await readImageHeader(path)).toMatchObject({
      kind: 'vmdk',
      problems: [{ code: 'external-extents' }],
    });
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('names a flat VMDK extent and refuses it', async () => {
    const text = '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n';
    const header = await readImageHeader(file('flat.vmdk', text));
    expect(header.vmdk).toEqual({ createType: 'monolithicFlat', extents: ['/etc/passwd'] });
    expect(header.problems).toMatchObject([{ code: 'external-extents' }]);
  });

  describe('whatever the bytes', () => {
    let path = '';
    beforeAll(() => {
      path = join(folder.path, 'fuzz');
    });
    const starts = ['', '514649fb00000002', '514649fb00000003', '4b444d5601000000', '7668647866696c65'];
    const more = [
      '51454400',
      '576974686f75744672656553706163650200000000000000',
      '636f6e6563746978',
      `${'00'.repeat(64)}7f10dabe`,
    ];

    test('never throws and always ends', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...starts, ...more),
          fc.uint8Array({ maxLength: 4096 }),
          async (start, rest) => {
            writeFileSync(path, Buffer.concat([Buffer.from(start, 'hex'), rest]));
            const header = await readImageHeader(path);
            expect(Number.isSafeInteger(header.virtualSize)).toBe(true);
          },
        ),
        { numRuns: 500, seed: 7 },
      );
    });
  });
});

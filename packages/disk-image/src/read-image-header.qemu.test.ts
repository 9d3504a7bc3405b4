import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageHeader } from './image-header.types.ts';
import { readImageHeader } from './read-image-header.ts';
import { safetyProblems } from './safety-problems.ts';
import { qemuImg, qemuIo, randomNumbers, temporaryFolder } from './testing/image-files.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);

interface Info {
  'virtual-size': number;
  'backing-filename'?: string;
  'backing-filename-format'?: string;
  'format-specific'?: { data?: { 'data-file'?: string } };
  snapshots?: { name: string; 'vm-state-size': number; 'date-sec': number }[];
}
/** Null when QEMU refuses the file. */
const infoOf = (path: string, format: string): Info | null => {
  try {
    return JSON.parse(qemuImg('info', '-U', '-f', format, '--output=json', path)) as Info;
  } catch {
    return null;
  }
};

const patch = (path: string, offset: number, bytes: Uint8Array): void => {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
};
const codes = (header: ImageHeader): string[] => safetyProblems(header).map((problem) => problem.code);

describe('images made by qemu-img', () => {
  test('reads a qcow2 with a backing file, its format and an internal snapshot', async () => {
    qemuImg('create', '-f', 'qcow2', at('base.qcow2'), '10M');
    qemuImg('create', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'));
    qemuImg('snapshot', '-c', 'before update', at('top.qcow2'));
    const header = await readImageHeader(at('top.qcow2'));
    expect(header).toMatchObject({
      kind: 'qcow2',
      virtualSize: 10 * 1024 ** 2,
      backing: { string: 'base.qcow2', format: 'qcow2' },
      problems: [],
      qcow2: { version: 3, clusterBits: 16, dataFile: null, encryption: 'none', compression: 'zlib' },
    });
    const [snapshot] = header.qcow2?.snapshots ?? [];
    const [told] = infoOf(at('top.qcow2'), 'qcow2')?.snapshots ?? [];
    expect(snapshot).toMatchObject({ tag: 'before update', vmStateSize: 0, dateSeconds: told?.['date-sec'] });
  });

  test.each([
    ['vmdk', 'QEMU'],
    ['vdi', 'QEMU VM Virtual Disk Image'],
    ['vhdx', 'QEMU v'],
    ['vpc', 'QEMU'],
  ])('reads from a %s who made it', async (format, creator) => {
    qemuImg('create', '-f', format, at(`made.${format}`), '16M');
    expect((await readImageHeader(at(`made.${format}`))).creator).toMatch(new RegExp(`^${creator}`));
  });

  test('reads from a VMDK of other programs who made it, and shows no controls of it', async () => {
    qemuImg('create', '-f', 'vmdk', at('other.vmdk'), '16M');
    const bytes = readFileSync(at('other.vmdk'));
    const say = async (line: string): Promise<string | undefined> => {
      const place = bytes.indexOf('ddb.toolsVersion');
      patch(at('other.vmdk'), place, Buffer.from(line.padEnd(31, '\n')));
      return (await readImageHeader(at('other.vmdk'))).creator;
    };
    expect(await say('ddb.toolsVersion = "10338"')).toBe('VMware, virtual hardware 4');
    expect(await say('ddb.uuid.image="1-2-3"')).toBe('VirtualBox');
    expect(await say('ddb.comment="dissectvmdk 1"')).toBe('dissectvmdk 1');
    expect(await say('ddb.comment="a\u001b[2Jb"')).toBeUndefined();
  });

  test.each([
    ['qcow2', 'compat=0.10'],
    ['qcow2', 'cluster_size=512'],
    ['qcow2', 'cluster_size=2M'],
    ['qcow2', 'extended_l2=on,cluster_size=128k'],
    ['qcow2', 'compression_type=zstd'],
    ['qcow2', 'refcount_bits=1'],
    ['qcow2', 'lazy_refcounts=on'],
    ['qcow2', 'preallocation=metadata'],
    ['vmdk', 'subformat=monolithicSparse'],
    ['vmdk', 'subformat=streamOptimized'],
    ['vdi', 'static=off'],
    ['vdi', 'static=on'],
    ['vhdx', 'subformat=dynamic'],
    ['vhdx', 'subformat=fixed'],
    ['vpc', 'subformat=dynamic'],
    ['vpc', 'subformat=fixed'],
    ['vpc', 'subformat=dynamic,force_size=on'],
  ])('takes %s with %s and tells the size QEMU tells', async (format, options) => {
    const path = at(`${format}-${options}`);
    qemuImg('create', '-f', format, '-o', options, path, '33M');
    const header = await readImageHeader(path);
    expect(header.problems).toEqual([]);
    expect(header.kind).toBe(format);
    expect(header.virtualSize).toBe(infoOf(path, format)?.['virtual-size']);
  });

  test('takes a streamOptimized VMDK, and refuses one whose footer is cut off', async () => {
    qemuImg('create', '-f', 'raw', at('data.raw'), '4M');
    qemuIo('-f', 'raw', '-c', 'write -P 7 0 1M', at('data.raw'));
    qemuImg(
      'convert',
      '-f',
      'raw',
      '-O',
      'vmdk',
      '-o',
      'subformat=streamOptimized',
      at('data.raw'),
      at('s.vmdk'),
    );
    expect((await readImageHeader(at('s.vmdk'))).problems).toEqual([]);
    // "The grain directory is in the footer", and there is none.
    patch(at('s.vmdk'), 56, Buffer.alloc(8, 0xff));
    expect(codes(await readImageHeader(at('s.vmdk')))).toEqual(['truncated']);
    expect(infoOf(at('s.vmdk'), 'vmdk')).toBeNull();
  });

  test('refuses children in foreign formats, and VMDKs of several files', async () => {
    qemuImg('create', '-f', 'vmdk', at('p.vmdk'), '1M');
    qemuImg('create', '-f', 'vmdk', '-b', at('p.vmdk'), '-F', 'vmdk', at('c.vmdk'));
    expect(codes(await readImageHeader(at('c.vmdk')))).toContain('has-parent');
    qemuImg('create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', at('f.vmdk'), '1M');
    expect(codes(await readImageHeader(at('f.vmdk')))).toContain('external-extents');
    qemuImg('create', '-f', 'vdi', at('x.vdi'), '1M');
    patch(at('x.vdi'), 440, Buffer.from([1]));
    expect(codes(await readImageHeader(at('x.vdi')))).toEqual(['has-parent']);
  });

  test('refuses an external data file', async () => {
    qemuImg('create', '-f', 'qcow2', '-o', `data_file=${at('d.raw')}`, at('df.qcow2'), '1M');
    const header = await readImageHeader(at('df.qcow2'));
    expect(codes(header)).toEqual(['external-data-file']);
    expect(header.qcow2?.dataFile).toEqual({ name: at('d.raw') });
  });

  // QEMU measures how fast this processor derives a key, and gives up with “Unable to get accurate
  // CPU usage” when the kernel's clock did not tick meanwhile (crypto/pbkdf.c, QEMU 7.2).
  test('refuses encryption', { retry: 20 }, async () => {
    const secret = 'secret,id=s,data=abc';
    const luks = 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10';
    qemuImg('create', '--object', secret, '-f', 'qcow2', '-o', luks, at('luks.qcow2'), '1M');
    expect(codes(await readImageHeader(at('luks.qcow2')))).toEqual(['encrypted']);
  });
});

describe('hostile qcow2 headers', () => {
  beforeAll(() => qemuImg('create', '-f', 'qcow2', at('good.qcow2'), '64M'));
  const hostile = async (change: (path: string) => void): Promise<string[]> => {
    const path = at('hostile.qcow2');
    copyFileSync(at('good.qcow2'), path);
    change(path);
    return codes(await readImageHeader(path));
  };
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const u64 = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  };

  test.each([
    ['an unknown incompatible bit', 72, u64(1n << 40n), 'unknown-feature'],
    ['the corrupt bit', 72, u64(2n), 'corrupt'],
    ['cluster bits of 31', 20, u32(31), 'damaged-header'],
    ['cluster bits of 8', 20, u32(8), 'damaged-header'],
    ['a header length of 2^31', 100, u32(2 ** 31), 'damaged-header'],
    ['128 PiB', 24, u64(1n << 57n), 'bad-size'],
    ['a size of 0', 24, u64(0n), 'bad-size'],
    ['a size that is no multiple of 512', 24, u64(1000n), 'bad-size'],
    ['an L1 table outside the file', 40, u64(1n << 40n), 'truncated'],
    ['a refcount table outside the file', 48, u64(1n << 40n), 'truncated'],
    ['no refcount table', 56, u32(0), 'damaged-header'],
    ['65,536 snapshots', 60, u32(65_536), 'too-many-snapshots'],
    ['a snapshot table outside the file', 60, Buffer.concat([u32(3), u64(1n << 40n)]), 'truncated'],
    ['version 7', 4, u32(7), 'unknown-feature'],
    ['a backing name longer than 1023', 8, Buffer.concat([u64(300n), u32(2000)]), 'bad-backing-name'],
    ['encryption', 32, u32(1), 'encrypted'],
  ])('refuses %s, quickly', async (_name, offset, bytes, code) => {
    const before = performance.now();
    expect(await hostile((path) => patch(path, offset, bytes))).toContain(code);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test.each([
    'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/shadow"}}',
    'nbd://127.0.0.1:10999/x',
    'http://127.0.0.1/x',
    'fat:/etc',
    'a\nb',
  ])('refuses the backing file %s', async (name) => {
    const write = (path: string): void => {
      const bytes = Buffer.from(name);
      patch(path, 1024, bytes);
      patch(path, 8, Buffer.concat([u64(1024n), u32(bytes.length)]));
    };
    expect(await hostile(write)).toEqual(['bad-backing-name']);
  });

  test('refuses a file cut off anywhere before its tables end', async () => {
    const size = statSync(at('good.qcow2')).size;
    for (const length of [8, 72, 104, 512, 65_536, 131_072, size - 1]) {
      expect(await hostile((path) => truncateSync(path, length))).not.toEqual([]);
    }
  });
});

describe('formats that are only converted', () => {
  const filled = (format: string, name: string): string => {
    qemuImg('create', '-q', '-f', format, at(name), '20M');
    qemuIo('-f', format, '-c', 'write -P 3 1M 1M', '-c', 'write -P 4 19M 1M', at(name));
    return at(name);
  };

  test.each(['qed', 'parallels'])(
    'reads the header of a %s that QEMU made, and refuses to open it',
    async (format) => {
      const header = await readImageHeader(filled(format, `made.${format}`));
      expect(header).toMatchObject({ kind: format, virtualSize: 20 * 1024 ** 2, backing: null });
      expect(codes(header)).toEqual(['refused-format']);
    },
  );

  test('tells a QED that stands on another, and its name', async () => {
    qemuImg('create', '-q', '-f', 'qed', '-b', filled('qed', 'below.qed'), '-F', 'qed', at('above.qed'));
    const header = await readImageHeader(at('above.qed'));
    expect(header.backing?.string).toBe(at('below.qed'));
    expect(codes(header)).toEqual(['refused-format', 'has-parent']);
  });

  test('tells one that was not closed, or ends before its tables do', async () => {
    const qed = filled('qed', 'open.qed');
    patch(qed, 16, Buffer.from([2]));
    expect(codes(await readImageHeader(qed))).toEqual(['refused-format', 'needs-repair']);
    const parallels = filled('parallels', 'open.hds');
    patch(parallels, 44, Buffer.from('Ynot'));
    expect(codes(await readImageHeader(parallels))).toEqual(['refused-format', 'needs-repair']);
    patch(parallels, 44, Buffer.alloc(4));
    truncateSync(parallels, 2 * 1024 ** 2);
    expect(codes(await readImageHeader(parallels))).toEqual(['refused-format', 'truncated']);
    truncateSync(qed, 2 * 65_536);
    expect(codes(await readImageHeader(qed))).toEqual(['refused-format', 'truncated']);
  });
});

/**
 * The promise of security.md IMG-09, on headers with a few bytes changed: what the parser accepts, QEMU opens,
 * and a backing or data file that QEMU would open is never kept quiet.
 */
describe('mutated headers', () => {
  const random = randomNumbers(20_261_123);
  const fields = [4, 8, 16, 20, 24, 32, 36, 40, 48, 56, 60, 64, 72, 80, 88, 96, 100, 104, 112, 120];
  const values = [0, 1, 2, 3, 4, 8, 0x10, 0x1f, 0x40, 0x7f, 0x80, 0xff];

  interface Change {
    offset: number;
    byte: number;
  }
  const changes = (area: readonly number[]): Change[] =>
    Array.from({ length: 1 + random(3) }, () => ({
      offset: (area[random(area.length)] ?? 0) + random(8),
      byte: random(2) === 0 ? random(256) : (values[random(values.length)] ?? 0),
    }));
  const apply = (path: string, list: readonly Change[]): void => {
    for (const { offset, byte } of list) patch(path, offset, Buffer.from([byte]));
  };

  const run = async (
    name: string,
    format: string,
    area: readonly number[],
    count: number,
  ): Promise<number> => {
    const original = readFileSync(at(name));
    const path = at(`mutant-${format}`);
    copyFileSync(at(name), path);
    let accepted = 0;
    for (let index = 0; index < count; index += 1) {
      const changed = changes(area).filter(({ offset }) => offset < original.length);
      apply(path, changed);
      const header = await readImageHeader(path);
      const flaws = safetyProblems(header).filter(({ code }) => code !== 'refused-format');
      if (header.kind === format && flaws.length === 0) {
        accepted += 1;
        const info = infoOf(path, format);
        const what = `mutation ${index}: ${JSON.stringify(changed)}`;
        expect(info, what).not.toBeNull();
        expect(header.virtualSize, what).toBe(info?.['virtual-size']);
        expect(header.backing?.string, what).toBe(info?.['backing-filename']);
        expect(header.backing?.format ?? undefined, what).toBe(info?.['backing-filename-format']);
        expect(info?.['format-specific']?.data?.['data-file'], what).toBeUndefined();
      }
      apply(
        path,
        changed.map(({ offset }) => ({ offset, byte: original[offset] ?? 0 })),
      );
    }
    return accepted;
  };

  test('qcow2 with backing, snapshot and bitmap: never accepts what QEMU refuses, never hides a backing file', async () => {
    qemuImg('create', '-f', 'qcow2', at('mb.qcow2'), '8M');
    qemuImg(
      'create',
      '-f',
      'qcow2',
      '-o',
      'cluster_size=512',
      '-b',
      'mb.qcow2',
      '-F',
      'qcow2',
      at('m.qcow2'),
    );
    qemuImg('snapshot', '-c', 'one', at('m.qcow2'));
    qemuImg('bitmap', '--add', at('m.qcow2'), 'dirty');
    const header = readFileSync(at('m.qcow2'));
    const backingAt = Number(header.readBigUInt64BE(8));
    const extensions = Array.from(
      { length: Math.ceil((backingAt + 16 - 104) / 4) },
      (_, index) => 104 + index * 4,
    );
    const directory = Number(header.readBigUInt64BE(64));
    const snapshot = Array.from({ length: 8 }, (_, index) => directory + index * 8);
    const accepted = await run('m.qcow2', 'qcow2', [...fields, ...fields, ...extensions, ...snapshot], 600);
    expect(accepted).toBeGreaterThan(20);
  });

  test('qcow2 version 2', async () => {
    qemuImg('create', '-f', 'qcow2', '-o', 'compat=0.10', '-b', 'mb.qcow2', '-F', 'qcow2', at('m2.qcow2'));
    expect(await run('m2.qcow2', 'qcow2', fields, 200)).toBeGreaterThan(5);
  });

  test.each([
    ['vmdk', 90],
    ['vdi', 500],
    ['vpc', 1600],
    ['vhdx', 72 * 1024],
    ['qed', 64],
    ['parallels', 64],
  ])('%s', async (format, end) => {
    const small = format === 'vhdx' ? ['-o', 'log_size=1M,block_size=1M'] : [];
    qemuImg('create', '-f', format, ...small, at(`m.${format}`), '8M');
    const start = format === 'vhdx' ? 64 * 1024 : format === 'vdi' ? 64 : 0;
    const area = Array.from({ length: Math.ceil((end - start) / 4) }, (_, index) => start + index * 4);
    if (format === 'vhdx') area.push(...Array.from({ length: 32 }, (_, index) => 192 * 1024 + index * 4));
    await run(`m.${format}`, format, area, 150);
  });
});

test('a FIFO is told within a moment', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const before = performance.now();
  expect((await readImageHeader(at('pipe'))).kind).toBe('unknown');
  expect(performance.now() - before).toBeLessThan(2000);
});

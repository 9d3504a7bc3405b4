import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Operation, type TakeInInput, takeInBody } from '@strata/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { holdOpen } from '../../testing/damaged-image.ts';
import { canMount } from '../../testing/full-disk.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

const mebibyte = 1024 ** 2;
let folder: WorkFolder;
let bench: WorkBench;
/** On the same disk as the library, and outside of it. */
let outside: string;

const at = (name: string): string => join(outside, name);
const image = (operation: Operation) => bench.library.images.get(String(operation.result?.imageId));
const take = async (wish: TakeInInput): Promise<Operation> =>
  bench.ended(await bench.imports.takeIn(takeInBody.parse(wish)));
const taken = async (wish: TakeInInput): Promise<Operation> => {
  const operation = await take(wish);
  expect([operation.state, operation.error]).toEqual(['done', undefined]);
  return operation;
};
const hidden = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.'));
const incoming = (): string[] => readdirSync(join(folder.folder, '../incoming'));

const disk = (name: string, format = 'qcow2'): string => {
  qemuImg('create', '-q', '-f', format, at(name), '20M');
  writeAt(at(name), 1, 5, format);
  return at(name);
};

beforeAll(async () => {
  folder = await workFolder();
  bench = await folder.open();
});
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'strata-outside-'));
  return () => rmSync(outside, { recursive: true, force: true });
});
afterAll(() => folder.dispose());

describe('a file of the host is taken in by its path:', () => {
  it('registered, it stays where it is', async () => {
    const path = disk('stays.qcow2');
    const operation = await taken({ path, mode: 'register', name: 'Mine' });
    expect(image(operation)).toMatchObject({ path, name: 'Mine', format: 'qcow2' });
    expect(operation.result?.how).toBe('registered');
  });

  it('copied, every byte is the same, holes are holes, and the original is not touched', async () => {
    const path = at('sparse.img');
    qemuImg('create', '-q', '-f', 'raw', path, '64M');
    writeAt(path, 10, 9, 'raw');
    const before = statSync(path, { bigint: true });
    const operation = await taken({ path, name: 'Sparse' });
    const made = image(operation);
    expect(readFileSync(made.path).equals(readFileSync(path))).toBe(true);
    expect(made).toMatchObject({ name: 'Sparse', format: 'raw', path: folder.at('Sparse.raw') });
    expect(made.allocatedSize).toBeLessThan(8 * mebibyte);
    expect(['copied', 'shared']).toContain(operation.result?.how);
    expect(statSync(path, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
    expect(statSync(made.path).nlink).toBe(1);
  });

  it('moved on one disk it only gets another name; nobody’s file is overwritten', async () => {
    const path = disk('disk.qcow2');
    const { ino } = statSync(path);
    writeFileSync(folder.at('disk.qcow2'), 'somebody else’s');
    const operation = await taken({ path, mode: 'move', name: 'disk' });
    expect(operation.result?.how).toBe('renamed');
    expect(existsSync(path)).toBe(false);
    expect(image(operation).path).toBe(folder.at('disk-2.qcow2'));
    expect(statSync(image(operation).path)).toMatchObject({ ino, nlink: 1 });
    expect(readFileSync(folder.at('disk.qcow2'), 'utf8')).toBe('somebody else’s');
  });

  it('moved, it is kept when nothing more can be removed afterwards: its old name is gone by then', async () => {
    const path = disk('only.qcow2');
    const bytes = readFileSync(path);
    const parts = join(folder.folder, '../incoming');
    const { ino } = statSync(path);
    const unseen = new Promise<void>((resolve) => {
      const look = setInterval(() => {
        const isThere = readdirSync(folder.folder).some(
          (name) => statSync(folder.at(name), { throwIfNoEntry: false })?.ino === ino,
        );
        if (!isThere) return;
        clearInterval(look);
        rmSync(parts, { recursive: true });
        resolve();
      }, 1);
    });
    const operation = await take({ path, mode: 'move', name: 'only' });
    await unseen;
    mkdirSync(parts, { recursive: true });
    const kept = [path, folder.at('only.qcow2')].filter((each) => existsSync(each));
    expect([operation.state, kept.length]).toEqual(['done', 1]);
    expect(readFileSync(kept[0] ?? '').equals(bytes)).toBe(true);
  });

  it.runIf(statSync('/dev/shm').dev !== statSync(tmpdir()).dev)(
    'moved to another disk it is copied and compared, and goes then',
    async () => {
      const far = mkdtempSync('/dev/shm/strata-far-');
      try {
        const path = join(far, 'far.qcow2');
        qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', disk('near.qcow2'), path);
        const operation = await taken({ path, mode: 'move' });
        expect(operation.result?.how).toBe('copied');
        expect(existsSync(path)).toBe(false);
        expectSame(at('near.qcow2'), image(operation).path);
      } finally {
        rmSync(far, { recursive: true, force: true });
      }
    },
  );

  it.each(['qed', 'parallels'] as const)(
    'a file of the format %s becomes a qcow2 that reads the same, and stays as it is',
    async (format) => {
      const path = disk(`old.${format}`, format);
      const before = readFileSync(path);
      const operation = await taken({ path });
      expect(image(operation)).toMatchObject({ format: 'qcow2', virtualSize: 20 * mebibyte, problems: [] });
      expect(operation.result?.how).toBe('converted');
      expectSame(image(operation).path, path, ['qcow2', format]);
      expect(readFileSync(path).equals(before)).toBe(true);
      // Called otherwise, it has to be said.
      const plain = at(`${format}.img`);
      writeFileSync(plain, before);
      await expect(take({ path: plain })).rejects.toMatchObject({ code: 'image-refused' });
      expectSame(image(await taken({ path: plain, format })).path, path, ['qcow2', format]);
      await expect(take({ path, mode: 'move' })).rejects.toMatchObject({ code: 'not-possible' });
    },
  );

  it('an archive is unpacked, and stays', async () => {
    execFileSync('gzip', ['-k', disk('packed.qcow2')]);
    const operation = await taken({ path: at('packed.qcow2.gz') });
    expectSame(image(operation).path, at('packed.qcow2'));
    for (const mode of ['register', 'move'] as const)
      await expect(take({ path: at('packed.qcow2.gz'), mode })).rejects.toMatchObject({
        code: 'not-possible',
      });
    expect(existsSync(at('packed.qcow2.gz'))).toBe(true);
  });

  it('only with the sum that was given', async () => {
    const path = disk('summed.qcow2');
    const sum = execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64);
    expect((await take({ path, sha256: 'f'.repeat(64) })).error).toMatchObject({ code: 'image-refused' });
    expectSame(image(await taken({ path, sha256: sum })).path, path);
  });
});

describe('a file of the host is refused,', () => {
  it('with nothing changed, when it is no image that stands alone, or not what it is called', async () => {
    const before = readdirSync(folder.folder);
    disk('base.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('overlay.qcow2'));
    qemuImg('create', '-q', '-f', 'qed', '-b', disk('b.qed', 'qed'), '-F', 'qed', at('overlay.qed'));
    qemuImg('create', '-q', '-f', 'qcow', at('one.qcow'), '1M');
    writeFileSync(at('text.txt'), 'no disk');
    writeFileSync(at('false.qcow2'), Buffer.alloc(mebibyte));
    execFileSync('mkfifo', [at('pipe.img')]);
    for (const name of ['overlay.qcow2', 'overlay.qed', 'one.qcow', 'text.txt', 'false.qcow2', 'pipe.img'])
      for (const mode of ['copy', 'move'] as const)
        await expect(take({ path: at(name), mode }), `${mode} ${name}`).rejects.toMatchObject({
          code: 'image-refused',
        });
    await expect(take({ path: at('base.qcow2'), format: 'raw' })).rejects.toMatchObject({
      code: 'image-refused',
    });
    expect(readdirSync(folder.folder)).toEqual(before);
    expect(existsSync(at('overlay.qcow2'))).toBe(true);
  });

  it('when it is another’s, or a way to another file', async () => {
    const path = disk('one.qcow2');
    symlinkSync(path, at('link.qcow2'));
    for (const forbidden of ['/etc/passwd', '/proc/self/root/etc/passwd', at('link.qcow2')])
      await expect(take({ path: forbidden })).rejects.toMatchObject({ code: 'forbidden-path' });
    linkSync(path, at('two.qcow2'));
    await expect(take({ path, mode: 'move' })).rejects.toMatchObject({ code: 'forbidden-path' });
    mkdirSync(at('folder'));
    await expect(take({ path, folder: at('folder') })).rejects.toMatchObject({ code: 'forbidden-path' });
  });

  it('when it is in the library already and would be moved, or another program has it open', async () => {
    const inside = folder.at('inside.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', inside, '1M');
    await expect(take({ path: inside, mode: 'move' })).rejects.toMatchObject({ code: 'not-possible' });
    const path = disk('open.qcow2');
    const program = await holdOpen(path, 'write -P 7 0 64k');
    try {
      for (const mode of ['copy', 'move'] as const)
        await expect(take({ path, mode })).rejects.toMatchObject({ code: 'image-locked' });
    } finally {
      await program.close();
    }
    expect((await take({ path, mode: 'move' })).state).toBe('done');
  });

  it('as an image of its own when a guest has made its raw disk look like another format', async () => {
    qemuImg('create', '-q', '-f', 'raw', folder.at('guest.raw'), '20M');
    await bench.library.images.scan();
    const { id = '' } = bench.library.images.findByPath(folder.at('guest.raw')) ?? {};
    const vmId = await bench.defineVm({ name: 'guest', disks: [{ imageId: id }] });
    qemuImg('create', '-q', '-f', 'qcow2', folder.at('guest.raw'), '20M');
    for (const look of [async () => {}, () => bench.library.images.scan()]) {
      await look();
      await expect(take({ path: folder.at('guest.raw') })).rejects.toMatchObject({ code: 'image-refused' });
    }
    await bench.vms.delete(vmId, 'delete');
  });
});

describe('taking in that does not end', () => {
  it('leaves nothing but the original when it is cancelled', async () => {
    const before = readdirSync(folder.folder);
    for (const mode of ['copy', 'move'] as const) {
      const path = disk(`${mode}.qcow2`);
      const bytes = readFileSync(path);
      const started = await bench.imports.takeIn(takeInBody.parse({ path, mode }));
      await bench.operations.cancel(started.id);
      expect((await bench.ended(started)).state).toBe('cancelled');
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }
    expect(readdirSync(folder.folder)).toEqual(before);
    expect(incoming()).toEqual([]);
  });

  it.each(['copy', 'move', 'qed'] as const)(
    'killed before any of its actions (%s), it is there once and whole after the next start',
    async (kind) => {
      const mode = kind === 'move' ? 'move' : 'copy';
      const reference = disk(kind === 'qed' ? 'whole.qed' : 'whole.qcow2', kind === 'qed' ? 'qed' : 'qcow2');
      const format = kind === 'qed' ? 'qed' : 'qcow2';
      const died: string[] = [];
      for (let stop = 1; stop < 12; stop += 1) {
        const path = at(`${kind}-${stop}.${format}`);
        writeFileSync(path, readFileSync(reference), { mode: 0o600 });
        bench = await folder.open(stop);
        const asked = bench.imports.takeIn(takeInBody.parse({ path, mode })).catch(() => null);
        const operation = await Promise.race([asked, folder.died().then(() => null)]);
        const dead =
          operation === null
            ? await folder.died()
            : await Promise.race([folder.died(), bench.ended(operation).then(() => null)]);
        if (dead === null) break;
        died.push(dead);
        bench = await folder.open();
        // Killed before it was written down: nothing was begun.
        if (operation === null) continue;
        const ended = await bench.operations.wait(operation.id, 60);
        expect([dead, ended.state, ended.error]).toEqual([dead, 'done', undefined]);
        expectSame(image(ended).path, reference, ['qcow2', format]);
        expect(existsSync(path)).toBe(mode === 'copy');
        expect(statSync(image(ended).path).nlink).toBe(1);
        const names = readdirSync(folder.folder).filter((name) => name.startsWith(`${kind}-${stop}`));
        expect(names).toEqual([basename(image(ended).path)]);
        expect([...hidden(), ...incoming()]).toEqual([]);
      }
      expect(died).toEqual(expect.arrayContaining(['judge', 'bring', 'publish']));
      bench = await folder.open();
    },
    120_000,
  );
});

const hasBtrfs = existsSync('/usr/sbin/mkfs.btrfs') && canMount;

it.runIf(hasBtrfs)(
  'a copy shares the blocks of the original where the file system can, and says so',
  async () => {
    const [file, mounted] = [at('disk.btrfs'), at('mounted')];
    mkdirSync(mounted);
    execFileSync('truncate', ['-s', '200M', file]);
    execFileSync('/usr/sbin/mkfs.btrfs', ['-q', file]);
    execFileSync('mount', ['-o', 'loop', file, mounted]);
    try {
      mkdirSync(join(mounted, 'library'));
      await bench.library.folders.add(join(mounted, 'library'));
      const path = join(mounted, 'big.raw');
      writeFileSync(path, Buffer.alloc(16 * mebibyte, 7));
      const wish = { path, folder: join(mounted, 'library'), useReserve: true };
      const operation = await taken(wish);
      expect(operation.result?.how).toBe('shared');
      expect(readFileSync(image(operation).path).equals(readFileSync(path))).toBe(true);
    } finally {
      const known = bench.library.folders.list().find(({ path }) => path.startsWith(mounted));
      if (known !== undefined) await bench.library.folders.remove(known.id);
      execFileSync('umount', ['-l', mounted]);
    }
  },
);

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { guestInit } from './linux-guest-init.ts';

export interface LinuxGuest {
  readonly kernel: string;
  readonly initrd: string;
  /** For a quiet boot onto the serial port. */
  readonly append: string;
}

const drivers = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'evdev', 'button'];
const missing =
  'Install what the test guest is made of: apt-get install linux-image-cloud-amd64 busybox-static';

const findKernel = async (): Promise<{ kernel: string; modules: string }> => {
  const names = await readdir('/boot').catch(() => []);
  const releases = names.flatMap((name) => /^vmlinuz-(.+-cloud-amd64)$/.exec(name)?.[1] ?? []).sort();
  const release = releases.reverse().find((name) => existsSync(`/lib/modules/${name}/modules.dep`));
  if (release === undefined) throw new Error(`There is no cloud kernel in /boot. ${missing}`);
  return { kernel: `/boot/vmlinuz-${release}`, modules: `/lib/modules/${release}` };
};

const findBusybox = (): string => {
  const found = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (found === undefined) throw new Error(`There is no busybox. ${missing}`);
  return found;
};

/** The drivers with all they stand on, in the order of loading. Drivers built into the kernel are not among them. */
export const loadingOrder = (modulesDep: string, wanted: readonly string[]): string[] => {
  const needs = new Map<string, string[]>();
  for (const line of modulesDep.split('\n')) {
    const [path, rest] = line.split(':');
    if (path !== undefined && rest !== undefined) needs.set(path, rest.trim().split(' ').filter(Boolean));
  }
  const nameOf = (path: string): string =>
    basename(path)
      .replace(/\.ko.*$/, '')
      .replaceAll('-', '_');
  const order: string[] = [];
  for (const driver of wanted) {
    const path = [...needs.keys()].find((candidate) => nameOf(candidate) === driver);
    // depmod lists what a module needs with the deepest need last.
    for (const part of path === undefined ? [] : [path, ...(needs.get(path) ?? [])].reverse())
      if (!order.includes(part)) order.push(part);
  }
  return order;
};

/** The guest agent, if this host has its program: `npm test` fetches it. */
export const findGuestAgent = (): string | null => {
  const fetched = fileURLToPath(new URL('../../../../.cache/test-guest/usr/sbin/qemu-ga', import.meta.url));
  return [fetched, '/usr/sbin/qemu-ga'].find((path) => existsSync(path)) ?? null;
};

/** The program and every library it is linked to, where it looks for them. */
const withLibraries = async (program: string): Promise<CpioEntry[]> => {
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...linked.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
  const entry = async (path: string, from: string): Promise<CpioEntry> => ({
    ...{ path, content: await readFile(from), executable: true },
  });
  const folders = new Set(
    libraries.flatMap((path) => {
      const parts = dirname(path).slice(1).split('/');
      return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
    }),
  );
  return [
    ...[...folders].map((path) => ({ path, content: null })),
    await entry('bin/qemu-ga', program),
    ...(await Promise.all(libraries.map((path) => entry(path.slice(1), path)))),
  ];
};

const buildInitrd = async (modules: string, busybox: string, agent: string | null): Promise<Buffer> => {
  const order = loadingOrder(await readFile(join(modules, 'modules.dep'), 'utf8'), [
    ...drivers,
    ...(agent === null ? [] : ['virtio_console']),
  ]);
  const folders = ['bin', 'dev', 'etc', 'modules', 'proc', 'sys', 'tmp'];
  const entries: CpioEntry[] = folders.map((path) => ({ path, content: null }));
  entries.push({ path: 'bin/busybox', content: await readFile(busybox), executable: true });
  for (const module of order)
    entries.push({ path: `modules/${basename(module)}`, content: await readFile(join(modules, module)) });
  entries.push({
    path: 'modules.order',
    content: Buffer.from(order.map((path) => basename(path)).join('\n')),
  });
  if (agent !== null) entries.push(...(await withLibraries(agent)));
  entries.push({ path: 'init', content: Buffer.from(guestInit), executable: true });
  return gzipSync(cpioArchive(entries), { level: 1 });
};

/**
 * A small Linux that answers on its serial port: Debian's cloud kernel with an initramfs of busybox and our own
 * /init. The initramfs is kept in a folder of the user's below the temporary folder and made anew when an
 * ingredient has changed. With a guest agent its command `agent` starts it.
 */
export const buildLinuxGuest = async (agent: string | null = null): Promise<LinuxGuest> => {
  const { kernel, modules } = await findKernel();
  const busybox = findBusybox();
  const ingredients = JSON.stringify([kernel, (await stat(busybox)).mtimeMs, drivers, guestInit, agent]);
  const key = createHash('sha256').update(ingredients).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `strata-linux-guest-${userInfo().uid}`);
  const initrd = join(folder, `initrd-${key}.gz`);
  if (!existsSync(initrd)) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const draft = `${initrd}.${process.pid}`;
    await writeFile(draft, await buildInitrd(modules, busybox, agent));
    await rename(draft, initrd);
  }
  return { kernel, initrd, append: 'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off' };
};

/** Exactly what the guest's `write DISK OFFSET BLOCKS NUMBER` writes: for comparing from outside. */
export const patternBytes = (number: number, blocks: number): Buffer =>
  Buffer.alloc(blocks * 4096, `strata pattern ${number}\n`);

/** Exactly what the guest's `ledger-start` has written after so many entries: each holds the checksum of the one before. */
export const ledgerBytes = (entries: number): Buffer => {
  const blocks: Buffer[] = [];
  let last = 'start';
  for (let number = 0; number < entries; number += 1) {
    const block = Buffer.alloc(4096, `ledger entry ${number} after ${last}\n`);
    last = createHash('sha256').update(block).digest('hex');
    blocks.push(block);
  }
  return Buffer.concat(blocks);
};

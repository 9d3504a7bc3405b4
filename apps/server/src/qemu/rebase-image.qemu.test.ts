import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentsAreEqual } from './image-work.ts';
import { convertImage, createImage, createOverlay, imagesAreEqual, readImageDetails } from './qemu-img.ts';
import { writeBlocks } from './qemu-io.ts';
import { endRebase, readsSameOver, rebaseArguments, rebaseImage } from './rebase-image.ts';

const mebibyte = 1024 ** 2;
let folder: string;
const at = (name: string) => join(folder, name);
const qcow2 = (name: string) => ({ path: at(name), format: 'qcow2' }) as const;
const whole = () => ({ path: at('whole.raw'), format: 'raw' }) as const;
const write = (name: string, pattern: number, offset: number, length: number) =>
  writeBlocks(qcow2(name), [{ offset: offset * mebibyte, length: length * mebibyte, pattern }], folder);

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-rebase-')));
  await createImage({ ...qcow2('old.qcow2'), size: 8 * mebibyte });
  await write('old.qcow2', 30, 1, 3);
  await createImage({ ...qcow2('other.qcow2'), size: 8 * mebibyte });
  await write('other.qcow2', 60, 0, 3);
  await createOverlay({ path: at('layer.qcow2'), backing: 'old.qcow2', backingFormat: 'qcow2' });
  await write('layer.qcow2', 99, 2, 1);
  await convertImage(qcow2('layer.qcow2'), whole());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onto = { name: 'other.qcow2', format: 'qcow2' } as const;

it('rebases onto an image that shares nothing, and tells how far it is', async () => {
  const fractions: number[] = [];
  await rebaseImage(at('layer.qcow2'), onto, { onProgress: (fraction) => fractions.push(fraction) });
  expect((await readImageDetails(qcow2('layer.qcow2')))['backing-filename']).toBe('other.qcow2');
  expect(await imagesAreEqual(whole(), qcow2('layer.qcow2'))).toBe(true);
  expect(fractions.at(-1)).toBe(1);
});

it('a rebase that was begun by another server is ended, and no other; until then the link is the old one', async () => {
  const size = 512 * mebibyte;
  await createImage({ ...qcow2('large.qcow2'), size });
  await write('large.qcow2', 30, 0, 512);
  await createOverlay({ path: at('slow.qcow2'), backing: 'large.qcow2', backingFormat: 'qcow2' });
  let ended = false;
  const work = rebaseImage(at('slow.qcow2'), null).finally(() => {
    ended = true;
  });
  const outcome = expect(work).rejects.toThrow();
  while (!ended) await endRebase(at('slow.qcow2'), null);
  await outcome;
  expect((await readImageDetails(qcow2('slow.qcow2')))['backing-filename']).toBe('large.qcow2');
  expect(await readsSameOver(at('slow.qcow2'), qcow2('large.qcow2'), qcow2('large.qcow2'))).toBe(true);

  const other = rebaseImage(at('layer.qcow2'), onto);
  await endRebase(at('layer.qcow2'), null);
  await other;
});

it('knows whether an image reads the same over two backings, whatever its header says', async () => {
  const [layer, old, other] = ['layer.qcow2', 'old.qcow2', 'other.qcow2'].map(at) as [string, string, string];
  const [one, two] = [qcow2('old.qcow2'), qcow2('other.qcow2')];
  expect(await readsSameOver(layer, one, two)).toBe(false);
  expect(await readsSameOver(layer, one, null)).toBe(false);
  expect(await contentsAreEqual(one, two)).toBe(false);
  await rebaseImage(layer, onto);
  expect(await readsSameOver(layer, one, two)).toBe(true);
  copyFileSync(old, other);
  expect(await contentsAreEqual(one, two)).toBe(true);
});

/** Kills the process before the N-th call that writes or syncs. */
const killer = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
static atomic_int calls;
static void hit(void) {
  const char *at = getenv("KILL_AT");
  if (at && ++calls == atoi(at)) { kill(getpid(), SIGKILL); pause(); }
}
#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name); hit()
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t); return real(fd, b, n, o);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t); return real(fd, v, n, o);
}
int fdatasync(int fd) { REAL(int, "fdatasync", int); return real(fd); }
`;
const hasCompiler = spawnSync('cc', ['--version']).status === 0;

describe.skipIf(!hasCompiler)('killed before any call that writes', () => {
  /** How many kills there were, and after how many the image read something else. */
  const sweep = async (args: readonly string[]) => {
    writeFileSync(at('killer.c'), killer);
    execFileSync('cc', ['-shared', '-fPIC', '-o', at('killer.so'), at('killer.c'), '-ldl']);
    copyFileSync(at('layer.qcow2'), at('untouched.qcow2'));
    let lost = 0;
    for (let call = 1; call < 500; call += 1) {
      copyFileSync(at('untouched.qcow2'), at('layer.qcow2'));
      const env = { ...process.env, LD_PRELOAD: at('killer.so'), KILL_AT: String(call) };
      const { signal } = spawnSync('qemu-img', args, { env });
      if (signal === null) return { kills: call - 1, lost };
      if (!(await imagesAreEqual(whole(), qcow2('layer.qcow2')))) lost += 1;
    }
    throw new Error('it never ended');
  };

  it('a rebase loses nothing', async () => {
    const { kills, lost } = await sweep(rebaseArguments(at('layer.qcow2'), onto));
    expect(kills).toBeGreaterThan(8);
    expect(lost).toBe(0);
  });

  it('in the cache mode that is not used it would: the reason for the one that is', async () => {
    const args = rebaseArguments(at('layer.qcow2'), onto);
    const { lost } = await sweep(args.map((word) => (word === 'writethrough' ? 'writeback' : word)));
    expect(lost).toBeGreaterThan(0);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readingContent } from './read-content.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const image = (): { path: string; format: 'qcow2' } => {
  const [base, path] = [join(folder, 'base.qcow2'), join(folder, 'top.qcow2')];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, '8M']);
  execFileSync('qemu-io', ['-c', 'write -P 7 1M 64k', base]);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', path]);
  execFileSync('qemu-io', ['-c', 'write -P 9 1048500 100', path]);
  return { path, format: 'qcow2' };
};
const signal = new AbortController().signal;

it('reads what the image shows through its chain, and leaves nothing behind', async () => {
  const seen = await readingContent(image(), { runDir: folder, signal }, async (reader) => {
    expect(reader.size).toBe(8 * 1024 ** 2);
    return [await reader.read(1048490, 200), await reader.read(0, 4 * 1024 ** 2)] as const;
  });
  const expected = [Buffer.alloc(10), Buffer.alloc(100, 9), Buffer.alloc(90, 7)];
  expect(seen[0].equals(Buffer.concat(expected))).toBe(true);
  expect(seen[1].subarray(1048576 + 100, 1048576 + 65536).every((byte) => byte === 7)).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(['base.qcow2', 'top.qcow2']);
});

it('says in words why an image cannot be read, and can be cancelled', async () => {
  const file = { path: join(folder, 'none.qcow2'), format: 'qcow2' } as const;
  await expect(
    readingContent(file, { runDir: folder, signal }, () => Promise.resolve()),
  ).rejects.toMatchObject({
    message: expect.stringContaining('none.qcow2') as string,
  });
  const cancelled = new AbortController();
  const work = readingContent(image(), { runDir: folder, signal: cancelled.signal }, async (reader) => {
    cancelled.abort(new Error('cancelled'));
    await reader.read(0, 512);
    cancelled.signal.throwIfAborted();
  });
  await expect(work).rejects.toThrow('cancelled');
  expect(readdirSync(folder).sort()).toEqual(['base.qcow2', 'top.qcow2']);
});

it('aside stands in nobody’s way: whoever wants to write the image, or what it stands on, can', async () => {
  const file = image();
  const writing = (path: string) => (): void => {
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 5 4M 512', path], { stdio: 'pipe' });
  };
  const base = join(folder, 'base.qcow2');
  await readingContent(file, { runDir: folder, signal }, async (reader) => {
    await reader.read(0, 512);
    expect(writing(base)).toThrow(/lock/);
  });
  const named = { ...file, path: join(folder, 'a, b.qcow2') };
  renameSync(file.path, named.path);
  await readingContent(named, { runDir: folder, signal, aside: true }, async (reader) => {
    expect(
      (await reader.read(1048490, 20)).equals(Buffer.concat([Buffer.alloc(10), Buffer.alloc(10, 9)])),
    ).toBe(true);
    writing(base)();
    writing(named.path)();
  });
});

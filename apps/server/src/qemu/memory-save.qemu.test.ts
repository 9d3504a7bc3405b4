import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestVm, type TestVm, writeAsGuest } from '../testing/live-disk.ts';
import { type SaveMemory, saveMemory } from './memory-save.ts';
import { goOn } from './migration.ts';
import { createImage } from './qemu-img.ts';

let folder: string;
let vm: TestVm;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-save-'));
  const path = join(folder, 'disk.qcow2');
  await createImage({ path, format: 'qcow2', size: 1024 ** 2 });
  vm = await startTestVm(folder, { v0: path });
});
afterEach(async () => {
  await vm.kill();
  await rm(folder, { recursive: true, force: true });
});

const request = (more: Partial<SaveMemory> = {}): SaveMemory => ({
  path: join(folder, 'memory'),
  socket: join(folder, 'm'),
  ...{ direct: false, stopFirst: false, stopAfterMs: 30_000, stopAfterBytes: 1024 ** 3 },
  signal: new AbortController().signal,
  progress: () => {},
  ...more,
});
const status = async () => (await vm.qmp.execute('query-status')).status;
const left = async () => (await readdir(folder)).filter((name) => /^m/.test(name));

for (const stopFirst of [false, true])
  it(`the memory of a guest that ${stopFirst ? 'stands' : 'runs'} goes to a file of our own alone`, async () => {
    const { bytes, stoppedAt } = await saveMemory(vm.qmp, request({ stopFirst }));
    const { mode, size } = await stat(join(folder, 'memory'));
    expect([mode & 0o777, size]).toEqual([0o600, bytes]);
    expect(await status()).toBe('postmigrate');
    expect(await goOn(vm.qmp)).toBeGreaterThan(stoppedAt ?? Number.POSITIVE_INFINITY);
    expect(await status()).toBe('running');
    expect(await left()).toEqual(['memory']);
  });

for (const stopFirst of [false, true])
  it(`a save of a guest that ${stopFirst ? 'was stopped' : 'runs'} is whole or leaves nothing when it is cancelled, and the guest runs on with its disks`, async () => {
    const cancel = new AbortController();
    vm.qmp.on('MIGRATION', ({ data }) => {
      if (data.status === 'active') cancel.abort();
    });
    const outcome = await saveMemory(vm.qmp, request({ stopFirst, signal: cancel.signal })).then(
      // All of it had been sent.
      () => goOn(vm.qmp).then(() => ['memory']),
      () => [],
    );
    expect(await status()).toBe('running');
    expect(await left()).toEqual(outcome);
    await writeAsGuest(vm, 'v0', 'write 0 64k');
    const again = saveMemory(vm.qmp, request({ path: join(folder, 'memory-again') }));
    await expect(again).resolves.toMatchObject({ bytes: expect.any(Number) });
  });

it('a folder that is not there is said, and the guest runs on', async () => {
  const path = join(folder, 'nowhere', 'memory');
  await expect(saveMemory(vm.qmp, request({ path }))).rejects.toThrow(/no such file/);
  expect(await status()).toBe('running');
});

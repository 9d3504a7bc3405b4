import { patchVmBody } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { qemuImg, type WorkBench, type WorkFolder, workFolder } from '../../testing/work-bench.ts';

const mebi = 1024 ** 2;
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;

beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  qemuImg('create', '-q', '-f', 'raw', folder.at('data.raw'), '8M');
  qemuImg('create', '-q', '-f', 'raw', folder.at('tools.iso'), '1M');
  await bench.library.images.scan();
  vm = await bench.defineVm({
    name: 'web',
    memory: '64M',
    disks: [{ create: { format: 'qcow2', size: '16M' } }],
    media: [{ kind: 'cdrom', imageId: idOf('tools.iso') }, { kind: 'cdrom' }],
  });
});
afterEach(async () => {
  for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
  await folder.dispose();
});

const idOf = (name: string): string => bench.library.images.findByPath(folder.at(name))?.id ?? `no ${name}`;
const forecast = () => bench.snapshots.forecast(vm);
const possible = async (): Promise<string[]> =>
  (await forecast()).kinds
    .filter((kind) => kind.possible)
    .map(({ kind, memory }) => (memory ? `${kind} with memory` : kind));
const addRaw = () => {
  const [{ id = '' } = {}] = bench.vms.get(vm).disks;
  return bench.vms.patch(vm, patchVmBody.parse({ disks: [{ id }, { imageId: idOf('data.raw') }] }));
};

it('says of a VM that is off that there is no memory to keep, and nothing to freeze', async () => {
  const answer = await forecast();
  expect(await possible()).toEqual(['external', 'internal']);
  expect(answer).toMatchObject({ agent: { state: 'absent', reason: 'The VM is off.' }, memoryBytes: null });
  expect(answer.kinds.filter((kind) => !kind.possible).every(({ reason }) => /off/.test(reason ?? ''))).toBe(
    true,
  );
  expect(answer.storage.free).toBeLessThanOrEqual(answer.storage.total);
  const [disk] = answer.disks;
  expect(disk?.ownBytes).toBe(bench.library.images.facts(disk?.imageId ?? '').allocatedSize);
});

it('says of a running VM how much its memory would take at most; a CD drive stands in no way', async () => {
  await bench.vms.start(vm);
  const { memoryBytes, agent } = await forecast();
  expect(memoryBytes).toBeGreaterThan(mebi);
  expect(memoryBytes).toBeLessThanOrEqual((64 + 48) * mebi);
  expect(agent).toMatchObject({ state: 'absent', reason: expect.stringContaining('qemu-guest-agent') });
  expect(await possible()).toEqual(['external', 'external with memory', 'internal', 'internal with memory']);
  for (const kind of ['external', 'internal'] as const) {
    const started = await bench.snapshots.take(vm, { name: kind, kind, memory: false });
    expect(await bench.ended(started)).toMatchObject({ state: 'done' });
  }
  await bench.vms.pause(vm);
  expect((await forecast()).agent).toMatchObject({ state: 'unknown' });
});

it('says of a raw disk which kinds are possible, and why the others are not', async () => {
  await addRaw();
  const { disks, kinds } = await forecast();
  expect(disks.map(({ internal }) => internal.possible)).toEqual([true, false]);
  expect(kinds.find(({ kind, memory }) => kind === 'internal' && !memory)).toMatchObject({
    possible: false,
    reason: expect.stringMatching(/raw.*external.*other disks/),
  });
  expect(await possible()).toEqual(['external']);
  const started = await bench.snapshots.take(vm, { name: 'both', kind: 'external', memory: false });
  expect(await bench.ended(started)).toMatchObject({ state: 'done' });
  expect(await possible()).toEqual(['external', 'internal']);
});

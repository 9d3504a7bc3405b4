import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

/*
 * The server dies before each call by which memory, disks or power of a VM are changed. After the next start the guest
 * goes on (or is suspended, when all of it was saved), there is a whole restore point or none, and no file is left over.
 */
let folder: WorkFolder;
let bench: WorkBench;
let vm: string;
const most = 60;
const state = () => bench.vms.get(vm).state;
const images = () => bench.library.images.list().length;
const memories = (): string[] => {
  try {
    return readdirSync(join(folder.folder, '..', 'vms', vm, 'memory'));
  } catch {
    return [];
  }
};
const flatten = ({ children, ...node }: ReturnType<WorkBench['snapshots']['get']>): (typeof node)[] => [
  node,
  ...children.flatMap(flatten),
];
const snapshots = async () => (await bench.snapshots.tree(vm)).tree.flatMap(flatten);
const flat = (name: string): string => join(folder.folder, '..', `${name}.flat`);

beforeAll(async () => {
  folder = await workFolder();
  bench = await folder.open();
  for (const [name, pattern] of [
    ['one', 1],
    ['two', 2],
  ] as const) {
    qemuImg('create', '-q', '-f', 'qcow2', folder.at(`${name}.qcow2`), '4M');
    writeAt(folder.at(`${name}.qcow2`), 0, pattern);
    qemuImg('convert', '-O', 'qcow2', folder.at(`${name}.qcow2`), flat(name));
  }
  await bench.library.images.scan();
  const idOf = (name: string) => bench.library.images.findByPath(folder.at(`${name}.qcow2`))?.id ?? '';
  vm = await bench.defineVm({ name: 'web', disks: [{ imageId: idOf('one') }, { imageId: idOf('two') }] });
});
afterAll(async () => {
  bench = await folder.open();
  if (bench.vms.isLive(vm)) await bench.vms.poweroff(vm);
  for (const [position, { imageId }] of bench.vms.get(vm).disks.entries())
    expectSame(bench.library.images.facts(imageId).path, flat(position === 0 ? 'one' : 'two'));
  await folder.dispose();
});

const ended = async (operation: Operation, wanted = 'done'): Promise<Operation> => {
  const end = await bench.ended(operation);
  expect(end, JSON.stringify(end.error)).toMatchObject({ state: wanted });
  return end;
};
const ready = async (paused: boolean): Promise<void> => {
  if (!bench.vms.isLive(vm)) await bench.vms.start(vm, { paused: false });
  if (paused && state() === 'running') await bench.vms.pause(vm);
  if (!paused && state() === 'paused') await bench.vms.resume(vm);
};

/** Begins, dies before each call in turn, and answers what became of it to `judge`. */
const sweep = async (
  before: () => Promise<void>,
  begin: () => Promise<Operation>,
  judge: (outcome: Operation, place: string) => Promise<void>,
): Promise<void> => {
  for (let step = 1; step < most; step += 1) {
    bench = await folder.open();
    await before();
    bench = await folder.open(step);
    const started = await begin();
    const call = await Promise.race([folder.died(), bench.ended(started).then(() => null)]);
    bench = await folder.open();
    const outcome = await bench.ended(started);
    const place = `killed before call ${step} (${call}): ${JSON.stringify(outcome.error)}`;
    await judge(outcome, place);
    if (call !== null) continue;
    expect(outcome.state, place).toBe('done');
    expect(step).toBeGreaterThan(2);
    return;
  }
  throw new Error('it never came to an end');
};

describe('killed before any call', () => {
  for (const paused of [false, true])
    it(`a ${paused ? 'paused' : 'running'} VM is still ${paused ? 'paused' : 'running'}, its snapshot with memory whole or not there`, async () => {
      let known = { images: 0, memories: 0, snapshots: 0 };
      await sweep(
        async () => {
          await ready(paused);
          known = { images: images(), memories: memories().length, snapshots: (await snapshots()).length };
        },
        () => bench.snapshots.take(vm, { name: 'now', kind: 'external', memory: true }),
        async (outcome, place) => {
          const taken = outcome.state === 'done' ? 1 : 0;
          expect(state(), place).toBe(paused ? 'paused' : 'running');
          expect((await snapshots()).length, place).toBe(known.snapshots + taken);
          expect(images(), place).toBe(known.images + 2 * taken);
          expect(memories().length, place).toBe(known.memories + taken);
          expect(
            memories().some((name) => name.endsWith('.part')),
            place,
          ).toBe(false);
          if (taken === 1) expect((await snapshots()).at(-1), place).toMatchObject({ memory: true });
        },
      );
    }, 120_000);

  it('a VM goes on, or is suspended with all of its memory', async () => {
    let files = 0;
    await sweep(
      async () => {
        await ready(false);
        files = memories().length;
      },
      () => bench.suspension.suspend(vm),
      async (outcome, place) => {
        const asleep = outcome.state === 'done';
        expect(state(), place).toBe(asleep ? 'suspended' : 'running');
        expect(memories().length, place).toBe(files + (asleep ? 1 : 0));
        if (!asleep) return;
        expect((await bench.vms.start(vm)).state, place).toBe('running');
        expect(memories().length, place).toBe(files);
      },
    );
  }, 120_000);

  it('a VM that is put back to a moment with memory runs from it, or where it was', async () => {
    bench = await folder.open();
    await ready(false);
    const { result } = await ended(
      await bench.snapshots.take(vm, { name: 'goal', kind: 'external', memory: true }),
    );
    const goal = String(result?.snapshotId);
    let files: string[] = [];
    await sweep(
      async () => {
        await ready(false);
        files = memories();
      },
      () => bench.snapshots.revert(vm, goal, { keepCurrent: false }),
      async (outcome, place) => {
        // Before the VM was touched it goes on; powered off, it goes on from the goal.
        expect(state(), place).toBe('running');
        expect(bench.vms.get(vm).suspended, place).toBeNull();
        expect(memories(), place).toEqual(files);
        expect(['done', 'failed'], place).toContain(outcome.state);
      },
    );
  }, 120_000);

  it('a state that is left with its memory is a whole restore point, or the guest goes on in it', async () => {
    bench = await folder.open();
    await ready(false);
    const { result } = await ended(
      await bench.snapshots.take(vm, { name: 'goal', kind: 'external', memory: false }),
    );
    const goal = String(result?.snapshotId);
    let known = { images: 0, memories: 0, snapshots: 0 };
    await sweep(
      async () => {
        await ready(false);
        known = { images: images(), memories: memories().length, snapshots: (await snapshots()).length };
      },
      () => bench.snapshots.revert(vm, goal, { keepCurrent: true, keepMemory: true }),
      async (outcome, place) => {
        const kept = outcome.state === 'done' ? 1 : 0;
        expect(state(), place).toBe('running');
        expect(bench.vms.get(vm).suspended, place).toBeNull();
        expect((await snapshots()).length, place).toBe(known.snapshots + kept);
        expect(memories().length, place).toBe(known.memories + kept);
        expect(images(), place).toBe(known.images + 2 * kept);
        if (kept === 0) return;
        expect(bench.snapshots.get(vm, String(outcome.result?.keptSnapshotId)), place).toMatchObject({
          ...{ memory: true, origin: 'kept', consistency: 'memory' },
        });
      },
    );
  }, 120_000);
});

/** Another program of QEMU's, with its lock. */
const holdOpen = (path: string, pidFile: string): void => {
  const disk = ['--blockdev', `driver=qcow2,node-name=held,file.driver=file,file.filename=${path}`];
  execFileSync('qemu-storage-daemon', [...disk, '--daemonize', '--pidfile', pidFile]);
};

it('a VM that cannot be powered off once its memory is saved goes on, and no file is left', async () => {
  bench = await folder.open();
  await ready(false);
  const files = memories();
  bench = await folder.open(undefined, (call) => {
    if (call === 'poweroff') throw new Error('the power switch is stuck');
  });
  await ended(await bench.suspension.suspend(vm), 'failed');
  expect(bench.vms.get(vm)).toMatchObject({ state: 'running', suspended: null });
  expect(memories()).toEqual(files);
});

describe('a revert that fails after the memory of the current state was saved', () => {
  const revertWith = async (harm: (call: string) => void): Promise<Operation> => {
    bench = await folder.open();
    await ready(false);
    const { result } = await ended(
      await bench.snapshots.take(vm, { name: 'goal', kind: 'external', memory: false }),
    );
    bench = await folder.open(undefined, harm);
    const wish = { keepCurrent: true, keepMemory: true };
    return ended(await bench.snapshots.revert(vm, String(result?.snapshotId), wish), 'failed');
  };

  it('lets the guest go on when it could not be powered off', async () => {
    const files = memories();
    const known = (await snapshots()).length;
    await revertWith((call) => {
      if (call === 'poweroff') throw new Error('the power switch is stuck');
    });
    expect(state()).toBe('running');
    expect(memories()).toEqual(files);
    expect((await snapshots()).length).toBe(known + 1);
  });

  it('leaves the VM suspended on it when it was off already', async () => {
    let layer = '';
    const away = (path: string): string => `${path}.away`;
    const { recovery } = await revertWith((call) => {
      if (call !== 'poweroff') return;
      const top = bench.library.images.facts(bench.vms.get(vm).disks[0]?.imageId ?? '');
      layer = bench.library.images.facts(top.backingId ?? '').path;
      renameSync(layer, away(layer));
    });
    expect(recovery).toMatch(/its next start goes on/);
    expect(state()).toBe('suspended');
    renameSync(away(layer), layer);
    await bench.library.images.scan();
    expect((await bench.vms.start(vm)).state).toBe('running');
  });

  it('leaves it suspended on it, too, while a program has one of the new overlays open', async () => {
    const before = new Set<string>();
    const pidFile = join(folder.folder, '..', 'holder.pid');
    const { recovery } = await revertWith((call) => {
      const { images: library } = bench.library;
      if (call === 'createPlacedOverlay' && before.size === 0)
        for (const { id } of library.list()) before.add(id);
      if (call === 'poweroff')
        holdOpen(library.list().find(({ id }) => !before.has(id))?.path ?? '', pidFile);
    });
    try {
      expect(recovery).toMatch(/has it open.*its next start goes on/s);
      expect(state()).toBe('suspended');
    } finally {
      process.kill(Number(readFileSync(pidFile, 'utf8')));
    }
    expect((await bench.vms.start(vm)).state).toBe('running');
  });

  it('powers no guest off that goes on already, when the server is killed then', async () => {
    const stuck = (call: string): void => {
      if (call === 'poweroff') throw new Error('the power switch is stuck');
    };
    await revertWith(stuck);
    const kill = folder.calls.lastIndexOf('remove') + 1;
    const files = memories();
    const known = (await snapshots()).length;
    const goal = (await snapshots()).at(-1)?.id ?? '';
    bench = await folder.open(kill, stuck);
    const started = await bench.snapshots.revert(vm, goal, { keepCurrent: true, keepMemory: true });
    expect(await folder.died()).toBe('remove');
    bench = await folder.open();
    expect(await bench.ended(started)).toMatchObject({ state: 'failed' });
    expect(state()).toBe('running');
    expect(memories()).toEqual(files);
    expect((await snapshots()).length).toBe(known);
  });
});

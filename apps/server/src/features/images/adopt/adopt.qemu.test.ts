import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdoptFolder, AdoptPlan, Operation } from '@strata/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgetBackingFormat, holdOpen, rmFolder } from '../../../testing/damaged-image.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';
import { killStride } from '../../operations/testing/kill-points.ts';

/*
 *    top          on-vmdk    on-vdi    on-vhdx    on-raw: its header tells no format    lost         far
 *    deep/mid     disk.vmdk  disk.vdi  disk.vhdx  data.bin                              (missing)    (in another folder)
 *    base
 */
let folder: WorkFolder;
let bench: WorkBench;
let root: string;

const tips = ['top', 'on-vmdk', 'on-vdi', 'on-vhdx', 'on-raw'] as const;
const there = (name: string): string => `${root}/foreign/${name}`;
const at = (name: string): string => folder.at(name);
const flat = (name: string): string => `${root}/flat/${name}.qcow2`;
const imageAt = (path: string) => {
  const facts = bench.library.images.findByPath(path);
  return facts === null ? null : bench.library.images.get(facts.id);
};

const overlay = (path: string, backing: string, format: string): void => {
  qemuImg('create', '-q', '-f', 'qcow2', '-b', backing, '-F', format, path);
};

const build = (): void => {
  for (const name of ['foreign/deep', 'elsewhere', 'flat']) mkdirSync(`${root}/${name}`, { recursive: true });
  qemuImg('create', '-q', '-f', 'qcow2', there('base.qcow2'), '4M');
  writeAt(there('base.qcow2'), 0, 1);
  overlay(there('deep/mid.qcow2'), '../base.qcow2', 'qcow2');
  writeAt(there('deep/mid.qcow2'), 1, 2);
  overlay(there('top.qcow2'), 'deep/mid.qcow2', 'qcow2');
  for (const format of ['vmdk', 'vdi', 'vhdx'] as const) {
    qemuImg('convert', '-f', 'qcow2', '-O', format, there('base.qcow2'), there(`disk.${format}`));
    overlay(there(`on-${format}.qcow2`), `disk.${format}`, format);
    writeAt(there(`on-${format}.qcow2`), 2, 3);
  }
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', there('base.qcow2'), there('data.bin'));
  overlay(there('on-raw.qcow2'), 'data.bin', 'raw');
  writeAt(there('top.qcow2'), 2, 4);
  writeAt(there('on-raw.qcow2'), 1, 5);
  for (const tip of tips) qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', there(`${tip}.qcow2`), flat(tip));
  forgetBackingFormat(there('on-raw.qcow2'));
  overlay(there('lost.qcow2'), 'base.qcow2', 'qcow2');
  qemuImg('rebase', '-u', '-f', 'qcow2', '-b', 'gone.qcow2', '-F', 'qcow2', there('lost.qcow2'));
  qemuImg('create', '-q', '-f', 'qcow2', `${root}/elsewhere/far-base.qcow2`, '4M');
  overlay(there('far.qcow2'), '../elsewhere/far-base.qcow2', 'qcow2');
  writeFileSync(there('notes.txt'), 'not an image');
};

const digests = (path = `${root}/foreign`): Record<string, string> =>
  Object.fromEntries(
    readdirSync(path, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );

const wish = (more: Partial<AdoptFolder> = {}): AdoptFolder => ({
  ...{ path: `${root}/foreign`, mode: 'register', outside: 'leave', recordFormats: true },
  ...more,
});

const start = async (wanted: AdoptFolder): Promise<Operation> => {
  const { fingerprint } = await bench.adoption.plan(wanted);
  return bench.adoption.run(wanted, fingerprint);
};
const adopt = async (wanted: AdoptFolder): Promise<Operation> => bench.ended(await start(wanted));

const inPlan = (plan: AdoptPlan, name: string) => plan.images.find(({ path }) => path === there(name));
const hidden = (): string[] => readdirSync(folder.folder).filter((name) => name.startsWith('.strata-'));

const newRoot = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'strata-adopt-')));
/** Made once: every test works on a copy. */
let template: string;
beforeAll(() => {
  root = newRoot();
  template = root;
  build();
});
afterAll(() => rmFolder(template));

const freshRoot = (): void => {
  root = newRoot();
  cpSync(template, root, { recursive: true });
};

beforeEach(async () => {
  freshRoot();
  folder = await workFolder();
  bench = await folder.open();
});
afterEach(async () => {
  await folder.dispose();
  rmFolder(root);
});

describe('the plan of taking in a folder', () => {
  it('shows a circle as one chain that is not whole, whichever member one begins with', async () => {
    overlay(there('ring-b.qcow2'), 'base.qcow2', 'qcow2');
    overlay(there('ring-a.qcow2'), 'ring-b.qcow2', 'qcow2');
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', 'ring-a.qcow2', '-F', 'qcow2', there('ring-b.qcow2'));
    const { chains } = await bench.adoption.plan(wish());
    expect(chains.filter(({ paths }) => paths.some((path) => path.includes('ring-')))).toEqual([
      { paths: [there('ring-a.qcow2'), there('ring-b.qcow2')], whole: false },
    ]);
  });

  it('tells images, chains, what lies outside and every problem, and changes nothing', async () => {
    // In a folder of the library this would be swept: what a server left that was killed long ago.
    const left = there('.strata-999999999-1-00ff.part');
    writeFileSync(left, '');
    utimesSync(left, 1, 1);
    const before = digests();
    const plan = await bench.adoption.plan(wish());
    expect(digests()).toEqual(before);
    expect(bench.library.images.list()).toEqual([]);
    expect(plan.images.map(({ name }) => name).toSorted()).toEqual([
      ...['base.qcow2', 'data.bin', 'disk.vdi', 'disk.vhdx', 'disk.vmdk', 'far.qcow2', 'lost.qcow2'],
      ...['mid.qcow2', 'on-raw.qcow2', 'on-vdi.qcow2', 'on-vhdx.qcow2', 'on-vmdk.qcow2', 'top.qcow2'],
    ]);
    expect(plan.chains).toContainEqual({
      paths: [there('top.qcow2'), there('deep/mid.qcow2'), there('base.qcow2')],
      whole: true,
    });
    expect(plan.chains).toContainEqual({ paths: [there('lost.qcow2')], whole: false });
    expect(inPlan(plan, 'lost.qcow2')?.problems).toMatchObject([{ code: 'backing-missing' }]);
    expect(inPlan(plan, 'far.qcow2')?.backing).toMatchObject({ state: 'foreign', inFolder: false });
    expect(inPlan(plan, 'on-raw.qcow2')).toMatchObject({ recordFormat: 'raw', action: 'register' });
    const far = realpathSync(`${root}/elsewhere/far-base.qcow2`);
    expect(plan.outside).toEqual([{ path: far, neededBy: [there('far.qcow2')], action: 'leave', why: null }]);
    expect(plan).toMatchObject({ registersFolder: true, bytesToCopy: 0, blockers: [] });
  });

  it('says what stays where it is when files are copied or moved, and why', async () => {
    for (const mode of ['copy', 'move'] as const) {
      const plan = await bench.adoption.plan(wish({ mode }));
      expect(inPlan(plan, 'lost.qcow2')).toMatchObject({ action: 'leave', target: null });
      expect(inPlan(plan, 'far.qcow2')?.why).toMatch(/is not in the library/);
      expect(inPlan(plan, 'top.qcow2')).toMatchObject({ action: mode, target: at('top.qcow2') });
    }
  });

  it('is refused while what would be moved, or a link that would be rewritten, is open in a program', async () => {
    // Stands on a file of the folder, and lies elsewhere.
    const above = at('above.qcow2');
    overlay(above, there('base.qcow2'), 'qcow2');
    const holder = await holdOpen(above);
    try {
      const plan = await bench.adoption.plan(wish({ mode: 'move' }));
      expect(plan.blockers).toContainEqual(
        expect.objectContaining({ code: 'image-locked', message: expect.stringContaining(above) }),
      );
      await expect(start(wish({ mode: 'move' }))).rejects.toMatchObject({ code: 'plan-blocked' });
      // What stays where it is may be open.
      expect((await bench.adoption.plan(wish())).blockers).toEqual([]);
    } finally {
      await holder.close();
    }
    expect((await bench.adoption.plan(wish({ mode: 'move' }))).blockers).toEqual([]);
  });

  it('is refused while a VM runs on what would be moved, and names it', async () => {
    await adopt(wish());
    const id = imageAt(there('top.qcow2'))?.id ?? '';
    const vm = await bench.defineVm({ name: 'web', disks: [{ imageId: id }] });
    await bench.vms.start(vm);
    try {
      const { blockers } = await bench.adoption.plan(wish({ mode: 'move' }));
      expect(blockers).toMatchObject([{ code: 'held-by-running-vm', subjects: [{ kind: 'vm', id: vm }] }]);
      expect(blockers[0]?.message).toContain('“web”');
      await expect(start(wish({ mode: 'move' }))).rejects.toMatchObject({ code: 'plan-blocked' });
    } finally {
      await bench.vms.poweroff(vm);
    }
    expect((await bench.adoption.plan(wish({ mode: 'move' }))).blockers).toEqual([]);
  });

  it('is refused when the folder has changed since, while a file is open elsewhere, and for system folders', async () => {
    const { fingerprint } = await bench.adoption.plan(wish());
    writeAt(there('top.qcow2'), 3, 9);
    await expect(bench.adoption.run(wish(), fingerprint)).rejects.toMatchObject({ code: 'plan-stale' });
    const holder = await holdOpen(there('top.qcow2'));
    try {
      await expect(start(wish({ mode: 'move' }))).rejects.toMatchObject({ code: 'plan-blocked' });
    } finally {
      await holder.close();
    }
    await expect(bench.adoption.plan(wish({ path: '/etc' }))).rejects.toMatchObject({
      code: 'forbidden-path',
    });
    expect(bench.library.images.list()).toEqual([]);
  });
});

describe('registering a folder in place', () => {
  it('takes in every image with its chain, and writes only the format that a header did not tell', async () => {
    const before = digests();
    expect(await adopt(wish())).toMatchObject({ state: 'done', kind: 'folder-adopt' });
    const after = digests();
    const written = Object.keys(after).filter((path) => before[path] !== after[path]);
    expect(written).toEqual([there('on-raw.qcow2')]);
    expect(imageAt(there('on-raw.qcow2'))).toMatchObject({
      backing: { format: 'raw', state: 'ok' },
      problems: [],
    });
    for (const tip of tips) {
      expectSame(there(`${tip}.qcow2`), flat(tip));
      expect(imageAt(there(`${tip}.qcow2`))?.problems).toEqual([]);
    }
    expect(imageAt(there('lost.qcow2'))?.problems).toMatchObject([{ code: 'backing-missing' }]);
    expect(imageAt(there('far.qcow2'))?.problems).toMatchObject([{ code: 'backing-outside' }]);
    await expect(start(wish())).rejects.toMatchObject({ code: 'plan-blocked' });
  });

  it('registers what lies outside, too, when that is wanted', async () => {
    expect(await adopt(wish({ outside: 'register' }))).toMatchObject({ state: 'done' });
    expect(imageAt(there('far.qcow2'))?.problems).toEqual([]);
    expect(imageAt(`${root}/elsewhere/far-base.qcow2`)).toMatchObject({ present: true });
  });

  it('does not write a format that is not certain', async () => {
    qemuImg('resize', '-q', '-f', 'qcow2', there('base.qcow2'), '8M');
    forgetBackingFormat(there('deep/mid.qcow2'));
    const plan = await bench.adoption.plan(wish());
    expect(inPlan(plan, 'deep/mid.qcow2')).toMatchObject({ recordFormat: null });
    expect(inPlan(plan, 'deep/mid.qcow2')?.why).toMatch(/not certain/);
    const before = readFileSync(there('deep/mid.qcow2'));
    await adopt(wish());
    expect(readFileSync(there('deep/mid.qcow2')).equals(before)).toBe(true);
  });
});

describe('copying a folder into the library', () => {
  const expectCopied = (before: Record<string, string>): void => {
    expect(digests()).toEqual(before);
    for (const tip of tips) {
      const image = imageAt(at(`${tip}.qcow2`));
      expect(image?.problems).toEqual([]);
      expectSame(at(`${tip}.qcow2`), flat(tip));
    }
    expect(imageAt(at('top.qcow2'))?.backing?.path).toBe(at('mid.qcow2'));
    expect(bench.library.images.list()).toHaveLength(11);
    expect(hidden()).toEqual([]);
  };

  it('copies chains with their links, which then lead to the copies; the originals stay as they are', async () => {
    const before = digests();
    expect(await adopt(wish({ mode: 'copy' }))).toMatchObject({ state: 'done', progress: { unit: 'bytes' } });
    renameSync(`${root}/foreign`, `${root}/away`);
    for (const tip of tips) expectSame(at(`${tip}.qcow2`), flat(tip));
    renameSync(`${root}/away`, `${root}/foreign`);
    expectCopied(before);
  });

  it('copies nothing that would then stand on a file which stays outside the library', async () => {
    qemuImg('resize', '-q', '-f', 'qcow2', there('base.qcow2'), '8M');
    forgetBackingFormat(there('deep/mid.qcow2'));
    const plan = await bench.adoption.plan(wish({ mode: 'copy' }));
    expect(inPlan(plan, 'deep/mid.qcow2')).toMatchObject({ action: 'leave' });
    expect(inPlan(plan, 'top.qcow2')).toMatchObject({
      action: 'leave',
      why: expect.stringMatching(/below it stays where it is/),
    });
    await adopt(wish({ mode: 'copy' }));
    for (const { path, problems } of bench.library.images.list())
      expect([path, problems]).toEqual([path, []]);
  });

  it('cancelled, leaves nothing of it', async () => {
    const started = await start(wish({ mode: 'copy' }));
    await bench.operations.cancel(started.id);
    expect((await bench.ended(started)).state).toBe('cancelled');
    expect(readdirSync(folder.folder)).toEqual([]);
    expect(bench.library.images.list()).toEqual([]);
  });

  it('killed at any step, every image is there completely after the next start, once', async () => {
    const before = digests();
    const stride = killStride(17);
    for (let step = 1; ; step += stride) {
      bench = await folder.open(step);
      const started = await start(wish({ mode: 'copy' }));
      const outcome = await Promise.race([folder.died(), bench.ended(started)]);
      const survived = typeof outcome !== 'string';
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
      }
      expectCopied(before);
      if (survived) break;
      await folder.dispose();
      folder = await workFolder();
    }
  });
});

describe('moving a folder into the library', () => {
  const expectMoved = (): void => {
    for (const tip of tips) {
      expect(existsSync(there(`${tip}.qcow2`))).toBe(false);
      expect(imageAt(at(`${tip}.qcow2`))?.problems).toEqual([]);
      expectSame(at(`${tip}.qcow2`), flat(tip));
    }
    expect(existsSync(there('lost.qcow2')) && existsSync(there('far.qcow2'))).toBe(true);
    expect(bench.library.images.list()).toHaveLength(11);
    expect(hidden()).toEqual([]);
  };

  it('moves every whole chain, and leaves alone what is broken', async () => {
    writeFileSync(at('top.qcow2'), '');
    const plan = await bench.adoption.plan(wish({ mode: 'move' }));
    expect(inPlan(plan, 'top.qcow2')?.target).toBe(at('top-2.qcow2'));
    rmFolder(at('top.qcow2'));
    expect(await adopt(wish({ mode: 'move' }))).toMatchObject({ state: 'done', result: { moved: 11 } });
    expectMoved();
  });

  it('moves nothing that a program has opened since the plan was made, and breaks no chain', async () => {
    // After the header of `on-raw` was looked at, written and proven.
    bench = await folder.open(4);
    const started = await start(wish({ mode: 'move' }));
    expect(await folder.died()).toBe('giveName');
    const program = await holdOpen(there('on-vmdk.qcow2'));
    try {
      bench = await folder.open();
      const ended = await bench.operations.wait(started.id, 60);
      expect(ended).toMatchObject({ state: 'failed', error: { code: 'image-locked' } });
    } finally {
      await program.close();
    }
    for (const tip of tips) {
      const path = existsSync(at(`${tip}.qcow2`)) ? at(`${tip}.qcow2`) : there(`${tip}.qcow2`);
      expectSame(path, flat(tip));
    }
    expect(existsSync(there('on-vmdk.qcow2')) && existsSync(there('disk.vmdk'))).toBe(true);
    expect(hidden()).toEqual([]);
  });

  it('killed at any step, no chain is ever broken, and the next start ends it', async () => {
    const stride = killStride(41);
    for (let step = 1; ; step += stride) {
      bench = await folder.open(step);
      const started = await start(wish({ mode: 'move' }));
      const outcome = await Promise.race([folder.died(), bench.ended(started)]);
      const survived = typeof outcome !== 'string';
      // The moment after the kill, before anything was recovered: each tip reads the same under the name that it has.
      for (const tip of tips.filter((name) => name !== 'on-raw')) {
        const path = existsSync(at(`${tip}.qcow2`)) ? at(`${tip}.qcow2`) : there(`${tip}.qcow2`);
        expectSame(path, flat(tip));
      }
      if (!survived) {
        bench = await folder.open();
        expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
      }
      expectMoved();
      if (survived) break;
      await folder.dispose();
      rmFolder(root);
      freshRoot();
      folder = await workFolder();
    }
  });
});

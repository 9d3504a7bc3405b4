import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../app-error.ts';
import { migrate } from '../../db/migrate.ts';
import { type Db, openDatabase } from '../../db/open-database.ts';
import { createOperationsService } from './operations.service.ts';
import type { Executor, OperationContext, OperationsService, StartOperation } from './operations.types.ts';

interface Journal {
  readonly phase: string;
}
type Context = OperationContext<unknown, Journal>;

let folder: string;
let db: Db;
let published: Operation[];
let services: OperationsService[];

const serviceOn = (executor: Executor<unknown, Journal>['run']): OperationsService => {
  const service = createOperationsService({
    db,
    events: {
      publish: (event) => {
        if (event.type === 'operation') published.push(event.data as Operation);
      },
      subscribe: () => () => {},
    },
  });
  service.register<unknown, Journal>({ kind: 'commit', run: executor });
  services.push(service);
  return service;
};

const work = (
  locks: StartOperation<unknown, Journal>['locks'] = { images: [], vms: [] },
): StartOperation<unknown, Journal> => ({
  kind: 'commit',
  title: 'Commit s1 into base',
  request: { top: 's1' },
  journal: { phase: 'new' },
  steps: ['Copy', 'Verify'],
  subjects: [{ kind: 'image', id: 'base', name: 'base' }],
  locks,
  unit: 'bytes',
  total: 100,
  cancelNote: 'The layers between stay damaged.',
});

const untilCancelled = ({ cancelled }: Context): Promise<never> =>
  new Promise((_resolve, reject) => {
    cancelled.addEventListener('abort', () => reject(cancelled.reason as Error));
  });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-operations-'));
  db = openDatabase(join(folder, 'strata.db'));
  migrate(db, { backups: join(folder, 'backups') });
  published = [];
  services = [];
});
afterEach(() => {
  for (const service of services) service.close();
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('an operation', () => {
  it('is written down before its first step', async () => {
    let row: unknown;
    const service = serviceOn(async ({ id }) => {
      row = db.prepare('SELECT state, title FROM operations WHERE id = ?').get(id);
      return {};
    });
    const { id } = service.start(work());
    await service.wait(id, 5);
    expect(row).toEqual({ state: 'running', title: 'Commit s1 into base' });
  });

  it('shows its steps with their times, its progress, and ends with what it made', async () => {
    const service = serviceOn(async (context) => {
      context.step(0);
      context.progress(40, 100);
      context.step(1);
      return { imageId: 'base' };
    });
    const ended = await service.wait(service.start(work()).id, 5);
    expect(ended).toMatchObject({
      state: 'done',
      result: { imageId: 'base' },
      progress: { done: 100, total: 100, unit: 'bytes', bytesPerSecond: null },
      steps: [
        { text: 'Copy', state: 'done', at: expect.any(String) },
        { text: 'Verify', state: 'done', at: expect.any(String) },
      ],
    });
    expect(ended.endedAt).not.toBeNull();
    expect(published.at(0)?.state).toBe('running');
    expect(published.at(-1)).toEqual(ended);
  });

  it('keeps its error in words when it fails, and marks the step it failed in', async () => {
    const service = serviceOn(async ({ step }) => {
      step(1);
      throw new AppError('disk-full', 'There is no space left on /data.');
    });
    const ended = await service.wait(service.start(work()).id, 5);
    expect(ended).toMatchObject({
      state: 'failed',
      error: { code: 'disk-full', message: 'There is no space left on /data.' },
      steps: [{ state: 'done' }, { state: 'failed' }],
    });
  });

  it('publishes progress at most four times a second', async () => {
    const service = serviceOn(async ({ progress }) => {
      for (let done = 0; done < 100; done += 1) {
        progress(done, 100);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return {};
    });
    const begin = performance.now();
    await service.wait(service.start(work()).id, 60);
    // Besides its beginning and its end.
    expect(published.length).toBeLessThanOrEqual(4 + Math.ceil((performance.now() - begin) / 250));
    expect(published.length).toBeGreaterThanOrEqual(4);
  });

  it('saves the journal and what goes with it together, or neither', async () => {
    const service = serviceOn(async ({ save }) => {
      save({ phase: 'moved' }, () => {
        db.exec("INSERT INTO folders (id, path, is_default, created_at) VALUES ('f', '/f', 0, 'now')");
      });
      save({ phase: 'never' }, () => {
        db.exec("INSERT INTO folders (id, path, is_default, created_at) VALUES ('g', '/g', 0, 'now')");
        throw new AppError('not-possible', 'no');
      });
      return {};
    });
    const { id } = service.start(work());
    expect(await service.wait(id, 5)).toMatchObject({ state: 'failed' });
    expect(db.prepare('SELECT id FROM folders').pluck().all()).toEqual(['f']);
    expect(db.prepare('SELECT journal FROM operations').pluck().get()).toBe('{"phase":"moved"}');
  });
});

describe('locks', () => {
  const locksOf = (images: string[], reads: string[] = [], vms: string[] = []) => ({ images, reads, vms });

  it.each([
    ['the same layer', locksOf(['a', 'b']), locksOf(['b', 'c'])],
    ['a layer the other reads', locksOf(['a'], ['b']), locksOf(['b'])],
    ['the same VM', locksOf(['a'], [], ['vm1']), locksOf(['b'], [], ['vm1'])],
  ])('refuse a second operation that changes %s', async (_what, first, second) => {
    const service = serviceOn(untilCancelled);
    const { id } = service.start(work(first));
    expect(() => service.start(work(second))).toThrow(
      expect.objectContaining({
        code: 'operation-running',
        message: expect.stringContaining('Commit s1 into base'),
      }),
    );
    await service.cancel(id);
    expect(service.start(work(second)).state).toBe('running');
  });

  it('let two operations read the same layer at once', () => {
    const service = serviceOn(untilCancelled);
    service.start(work(locksOf(['a'], ['base'])));
    expect(service.start(work(locksOf(['b'], ['base']))).state).toBe('running');
    expect(service.uses().map((use) => use.imageId)).toEqual(['a', 'base', 'b', 'base']);
  });

  it('hold for what a crash left, from before it is taken up', () => {
    serviceOn(untilCancelled).start(work(locksOf(['a'], [], ['vm1'])));
    services[0]?.close();
    const next = serviceOn(untilCancelled);
    expect(next.activeOn({ vms: ['vm1'] })?.title).toBe('Commit s1 into base');
    expect(() => next.start(work(locksOf(['a'])))).toThrow(
      expect.objectContaining({ code: 'operation-running' }),
    );
  });

  it('can be given up for layers that are done with', async () => {
    const service = serviceOn(async (context) => {
      context.release({ images: ['a'] });
      return untilCancelled(context);
    });
    service.start(work(locksOf(['a', 'b'])));
    expect(service.activeOn({ images: ['a'] })).toBeNull();
    expect(service.activeOn({ images: ['b'] })).not.toBeNull();
  });

  it('that were let go since a plan was made make it stale, those of what only reads the same do not', async () => {
    const service = serviceOn(async (context) => {
      context.release({ images: ['a'] });
      return untilCancelled(context);
    });
    const lookedAt = service.look();
    const { id } = service.start(work(locksOf(['a', 'b'], ['base'])));
    const stale = expect.objectContaining({ code: 'plan-stale' });
    expect(() => service.start({ ...work(locksOf(['a'])), lookedAt })).toThrow(stale);
    expect(service.start({ ...work(locksOf(['a'])), lookedAt: service.look() }).state).toBe('running');
    await service.cancel(id);
    expect(() => service.start({ ...work(locksOf(['c'], ['b'])), lookedAt })).toThrow(stale);
    expect(() => service.start({ ...work(locksOf(['base'])), lookedAt })).toThrow(stale);
    expect(service.start({ ...work(locksOf(['d'], ['base'])), lookedAt }).state).toBe('running');
  });
});

describe('the buttons', () => {
  it('pause, resume and limit the speed through what the executor offers', async () => {
    const said: string[] = [];
    const service = serviceOn(async (context) => {
      context.controls({
        pause: async () => void said.push('pause'),
        resume: async () => void said.push('resume'),
        setSpeed: async (speed) => void said.push(`speed ${speed}`),
      });
      return untilCancelled(context);
    });
    const { id } = service.start(work());
    expect((await service.pause(id)).state).toBe('paused');
    await expect(service.pause(id)).rejects.toMatchObject({ code: 'operation-state' });
    expect((await service.resume(id)).state).toBe('running');
    await service.setSpeed(id, 1000);
    expect(said).toEqual(['pause', 'resume', 'speed 1000']);
  });

  it('say before it is tried what cannot be paused or limited, and refuse it in the same words', async () => {
    const cannot = 'The program setpriv is missing.';
    const service = serviceOn(async (context) => {
      context.controls({ cannot });
      return untilCancelled(context);
    });
    const { id } = service.start(work());
    await expect.poll(() => service.get(id)).toMatchObject({ cannotPause: cannot, cannotLimit: cannot });
    await expect(service.pause(id)).rejects.toMatchObject({ code: 'operation-state', message: cannot });
    await expect(service.setSpeed(id, 1)).rejects.toMatchObject({ code: 'operation-state', message: cannot });
  });

  it('limit the speed before the copying has begun, and again when it has to be begun again', async () => {
    const begunWith: number[] = [];
    let begin = () => {};
    const service = serviceOn(async (context) => {
      await new Promise<void>((resolve) => {
        begin = resolve;
      });
      begunWith.push(context.speed());
      context.controls(null);
      begunWith.push(context.speed());
      return untilCancelled(context);
    });
    const { id } = service.start(work());
    await service.setSpeed(id, 1000);
    begin();
    await expect.poll(() => begunWith).toEqual([1000, 1000]);
  });

  it('do not limit the speed of what copies nothing', async () => {
    const service = serviceOn(untilCancelled);
    const { id } = service.start({ ...work(), unit: 'steps' });
    await expect(service.setSpeed(id, 1000)).rejects.toMatchObject({ code: 'operation-state' });
  });

  it('cancel, and answer the cancelled operation', async () => {
    const service = serviceOn(untilCancelled);
    const { id } = service.start(work());
    expect(await service.cancel(id)).toMatchObject({ state: 'cancelled' });
    await expect(service.cancel(id)).rejects.toMatchObject({ code: 'operation-state' });
  });

  it('refuse to cancel past the point of no return', async () => {
    let finish = () => {};
    const service = serviceOn(async (context) => {
      context.finishing();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return {};
    });
    const { id } = service.start(work());
    await expect(service.cancel(id)).rejects.toMatchObject({ code: 'operation-state' });
    finish();
    expect((await service.wait(id, 5)).state).toBe('done');
  });

  it('show a job that QEMU paused because the disk is full, and let it go on', async () => {
    const service = serviceOn(async (context) => {
      context.controls({ resume: async () => context.pausedBecause(null) });
      context.pausedBecause('no-space');
      return untilCancelled(context);
    });
    const { id } = service.start(work());
    expect(service.get(id)).toMatchObject({ state: 'paused', pausedBecause: 'no-space' });
    expect(await service.resume(id)).toMatchObject({ state: 'running', pausedBecause: null });
  });
});

describe('after the server was killed', () => {
  it('runs every unfinished operation again with the journal it left, and says what was found', async () => {
    const first = serviceOn(async (context) => {
      context.save({ phase: 'moved' });
      return untilCancelled(context);
    });
    const { id } = first.start(work());
    first.close();

    let seen: { resumed: boolean; journal: Journal; request: unknown } | null = null;
    const second = serviceOn(async ({ resumed, journal, request, recovered }) => {
      seen = { resumed, journal, request };
      recovered('All data had been copied.');
      return {};
    });
    await second.recover();
    expect(await second.wait(id, 5)).toMatchObject({
      state: 'done',
      recovery: expect.stringContaining('All data had been copied.'),
    });
    expect(seen).toEqual({ resumed: true, journal: { phase: 'moved' }, request: { top: 's1' } });
  });

  it('waits with an operation until its VM can be asked, and holds its locks meanwhile', async () => {
    const first = serviceOn(untilCancelled);
    const { id } = first.start(work({ images: [], vms: ['vm1'] }));
    first.close();

    let ran = false;
    const second = serviceOn(async () => {
      ran = true;
      return {};
    });
    let answers = () => {};
    const asked: string[] = [];
    await second.recover((vmIds) => {
      asked.push(...vmIds);
      return new Promise<void>((resolve) => {
        answers = resolve;
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toEqual(['vm1']);
    expect(ran).toBe(false);
    expect(second.activeOn({ vms: asked })?.id).toBe(id);
    answers();
    expect(await second.wait(id, 5)).toMatchObject({ state: 'done' });
  });

  it('has written nothing more once it was ending', async () => {
    let go = () => {};
    let tried = false;
    const service = serviceOn(async (context) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      tried = true;
      context.save({ phase: 'late' });
      return {};
    });
    const { id } = service.start(work());
    service.close();
    go();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(tried).toBe(true);
    expect(db.prepare('SELECT state, journal FROM operations WHERE id = ?').get(id)).toEqual({
      state: 'running',
      journal: '{"phase":"new"}',
    });
  });

  it('says so when nobody can carry an operation on', async () => {
    serviceOn(untilCancelled).start(work());
    services[0]?.close();
    const next = createOperationsService({ db, events: { publish: () => {}, subscribe: () => () => {} } });
    await next.recover();
    expect(next.list({}).items[0]).toMatchObject({ state: 'failed', error: { code: 'not-possible' } });
  });
});

describe('the list', () => {
  it('is newest first, in pages, and filtered by state, VM, image and words', async () => {
    const service = serviceOn(async () => ({}));
    const ids: string[] = [];
    for (const image of ['a', 'b', 'c']) {
      const { id } = service.start({
        ...work({ images: [image], vms: [`vm-${image}`] }),
        title: `Do ${image}`,
      });
      ids.unshift(id);
      await service.wait(id, 5);
    }
    const first = service.list({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(first.total).toBe(3);
    const rest = service.list({ limit: 2, ...(first.nextCursor && { cursor: first.nextCursor }) });
    expect(rest.items.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(rest.nextCursor).toBeUndefined();
    expect(service.list({ image: 'b' }).items.map(({ title }) => title)).toEqual(['Do b']);
    expect(service.list({ vm: 'vm-c' }).items.map(({ title }) => title)).toEqual(['Do c']);
    expect(service.list({ q: 'DO A' }).total).toBe(1);
    expect(service.list({ state: 'failed' }).total).toBe(0);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QmpClient } from './client.types.ts';
import { connectQmp } from './connect.ts';
import { watchJob } from './job-watcher.ts';
import type { Job, JobStatus } from './structs.ts';
import { FakeQemu } from './testing/index.ts';

let folder: string;
let qemu: FakeQemu;
let client: QmpClient;
let jobs: Job[];

const job = (status: JobStatus, error?: string): Job => ({
  id: 'j',
  type: 'commit',
  status,
  'current-progress': 1,
  'total-progress': 2,
  ...(error !== undefined && { error }),
});
function becomes(status: JobStatus, error?: string): void {
  jobs = [job(status, error)];
  qemu.emit('JOB_STATUS_CHANGE', { id: 'j', status });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  qemu = await FakeQemu.listen({ path: join(folder, 'q') });
  client = await connectQmp({ path: join(folder, 'q') });
  jobs = [job('running')];
  qemu.on('query-jobs', () => jobs);
});
afterEach(async () => {
  client.close();
  await qemu.close();
  await rm(folder, { recursive: true, force: true });
});

describe('watchJob', () => {
  it('waits for a state, through the ones in between', async () => {
    const ending = watchJob(client, 'j').until('concluded');
    becomes('paused');
    becomes('running');
    becomes('waiting');
    becomes('concluded');
    expect(await ending).toEqual({
      id: 'j',
      type: 'commit',
      status: 'concluded',
      done: 1,
      total: 2,
      error: null,
    });
  });

  it('finds a job that ended before anybody listened: QEMU replays no events', async () => {
    jobs = [job('concluded', 'No space left on device')];
    expect(await watchJob(client, 'j').until('concluded')).toMatchObject({
      error: 'No space left on device',
    });
  });

  it('misses no change that comes while the list is read', async () => {
    qemu.on('query-jobs', () => {
      const answer = jobs;
      if (qemu.count('query-jobs') === 1) becomes('concluded');
      return answer;
    });
    expect(await watchJob(client, 'j').until('concluded')).toMatchObject({ status: 'concluded' });
    expect(qemu.count('query-jobs')).toBe(2);
  });

  it('does not poll', async () => {
    const ending = watchJob(client, 'j').until('concluded');
    await new Promise((resolve) => setTimeout(resolve, 100));
    qemu.emit('JOB_STATUS_CHANGE', { id: 'other', status: 'concluded' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(qemu.count('query-jobs')).toBe(1);
    becomes('concluded');
    await ending;
  });

  it('answers null for a job that is not there', async () => {
    jobs = [];
    expect(await watchJob(client, 'j').until('pending')).toBeNull();
  });

  it('dismisses', async () => {
    qemu.on('job-dismiss', () => ({}));
    await watchJob(client, 'j').dismiss();
    expect(qemu.received.at(-1)).toMatchObject({ execute: 'job-dismiss', arguments: { id: 'j' } });
  });

  it('is interrupted when the connection ends', async () => {
    const ending = watchJob(client, 'j').until('concluded');
    setTimeout(() => qemu.disconnect(), 30);
    await expect(ending).rejects.toMatchObject({ name: 'QmpInterruptedError' });
  });

  it('is interrupted when told to stop', async () => {
    const watcher = watchJob(client, 'j');
    const ending = watcher.until('concluded');
    setTimeout(() => watcher.stop(), 30);
    await expect(ending).rejects.toMatchObject({ name: 'QmpInterruptedError' });
  });
});

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { expectHealthy, expectSameContent, flatten, imagesAt, makeChain } from '../src/images.ts';
import {
  disposeStrata,
  finished,
  type Json,
  type Strata,
  startStrata,
  startTimeOf,
  until,
} from '../src/strata.ts';

/** Inodes of the sockets that a process has open. */
const socketsOf = (pid: number): ReadonlySet<string> =>
  new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        // Closed meanwhile.
        return [];
      }
    }),
  );

/** The TCP ports on which a process listens: other tests have servers of their own. */
const listeningPorts = (pid: number): number[] => {
  const own = socketsOf(pid);
  return ['tcp', 'tcp6'].flatMap((file) =>
    readFileSync(`/proc/net/${file}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && own.has(fields[9] ?? ''))
      .map((fields) => Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16)),
  );
};

for (const live of [false, true]) {
  test(`a commit is brought to its end after kill -9 of the server in the middle (${live ? 'live' : 'offline'})`, async () => {
    const info = test.info();
    let strata: Strata = await startStrata();
    const paths = makeChain(join(strata.dataDir, 'images'), 'kill');
    const whole = flatten(paths.active, info.outputPath('whole.raw'));
    const images = await imagesAt(strata, paths);
    const vm = await strata.ok('POST', '/vms', {
      name: 'kill',
      memory: '64M',
      disks: [{ imageId: images.active.id }],
      nics: [],
    });
    if (live) await strata.ok('POST', `/vms/${vm.id}/start`);

    const request = { operation: 'commit', top: images.s3.id, base: images.base.id };
    const plan = await strata.ok('POST', '/chains/plan', request);
    const operation = await strata.ok('POST', '/chains/run', { ...request, fingerprint: plan.fingerprint });
    await strata.call('PATCH', `/operations/${operation.id}`, { bytesPerSecond: 8 * 1024 ** 2 });
    await strata.kill();
    strata = await startStrata({ dataDir: strata.dataDir });

    const ended = await finished(strata, operation);
    expect(ended.recovery).not.toBeNull();
    if (live) await strata.ok('POST', `/vms/${vm.id}/poweroff`);
    expectSameContent(whole, paths.active);
    expectHealthy(paths.active);
    expectHealthy(paths.base);
    await disposeStrata(strata);
  });
}

test('a VM outlives kill -9 of the server and is adopted: same process, same UUID, one TCP port', async () => {
  let strata = await startStrata();
  const vm = await strata.ok('POST', '/vms', { name: 'survivor', memory: '64M' });
  const started: Json = await strata.ok('POST', `/vms/${vm.id}/start`);
  const startTime = startTimeOf(started.pid);
  expect(listeningPorts(strata.pid)).toEqual([Number(new URL(strata.url).port)]);
  expect(listeningPorts(started.pid)).toEqual([]);

  await strata.kill();
  expect(startTimeOf(started.pid)).toBe(startTime);
  strata = await startStrata({ dataDir: strata.dataDir });

  const adopted = await strata.ok('GET', `/vms/${vm.id}`);
  expect(adopted).toMatchObject({
    state: 'running',
    pid: started.pid,
    uuid: vm.uuid,
    startedAt: started.startedAt,
  });
  expect(startTimeOf(adopted.pid)).toBe(startTime);
  expect((await strata.ok('POST', `/vms/${vm.id}/pause`)).state).toBe('paused');
  expect((await strata.ok('POST', `/vms/${vm.id}/resume`)).state).toBe('running');

  process.kill(started.pid, 'SIGKILL');
  await until(
    'the crash is seen',
    () => strata.ok('GET', `/vms/${vm.id}`),
    (seen) => seen.state === 'crashed',
  );
  await disposeStrata(strata);
});

test('a second server on the same data folder is refused, and the first goes on', async () => {
  const strata = await startStrata();
  await expect(startStrata({ dataDir: strata.dataDir })).rejects.toThrow(/data/i);
  expect((await strata.call('GET', '/healthz')).body).toEqual({ status: 'ok' });
  await disposeStrata(strata);
});

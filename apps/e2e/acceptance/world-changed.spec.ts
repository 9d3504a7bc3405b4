import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import {
  type ChainName,
  chainNames,
  expectHealthy,
  expectSameContent,
  flatten,
  imagesAt,
  makeChain,
} from '../src/images.ts';
import { disposeStrata, finished, type Json, type Strata, startStrata, until } from '../src/strata.ts';

/*
 * Other tools edit, move, delete and use our images meanwhile: seen in the headers and by the locks, refused in words,
 * and nothing is changed.
 */

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const folder = (): string => join(strata.dataDir, 'images');
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const planned = (request: Json): Promise<Json> => strata.ok('POST', '/chains/plan', request);
const runWith = (request: Json, plan: Json, more: Json = {}) =>
  strata.call('POST', '/chains/run', { ...request, ...more, fingerprint: plan.fingerprint });

/** A QEMU that Strata did not start; resolves when it has the image. */
const startByHand = async (path: string): Promise<ChildProcess> => {
  const drive = `file=${path},format=qcow2,if=virtio`;
  const args = ['-S', '-nodefaults', '-display', 'none', '-m', '32', '-drive', drive, '-qmp', 'stdio'];
  const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
};
const kill = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

const requests = (images: Record<ChainName, Json>): Json[] => [
  { operation: 'commit', top: images.s2.id, base: images.base.id },
  { operation: 'pull', into: images.s3.id, from: images.s1.id },
  { operation: 'flatten', imageId: images.active.id },
  { operation: 'delete', imageId: images.s2.id },
];

for (const [what, change, back] of [
  [
    'moved',
    (path: string) => renameSync(path, `${path}.away`),
    (path: string) => renameSync(`${path}.away`, path),
  ],
  ['deleted', (path: string) => rmSync(path), null],
] as const)
  test(`an image that other tools have ${what}: every plan over it is refused, and nothing is touched`, async () => {
    const paths = makeChain(folder(), what);
    const images = await imagesAt(strata, paths);
    const wishes = requests(images);
    const plans = await Promise.all(wishes.map(planned));
    const rest = chainNames.filter((name) => name !== 's1');
    const before = rest.map((name) => sha256(paths[name]));
    change(paths.s1);
    for (const [at, wish] of wishes.entries()) {
      const refused = await runWith(wish, plans[at]);
      expect([409, 422]).toContain(refused.status);
      expect(refused.body.detail).toContain('cannot be found');
    }
    expect(rest.map((name) => sha256(paths[name]))).toEqual(before);
    const { layers } = await strata.ok('GET', `/images/${images.active.id}/chain`);
    expect(layers.flatMap((layer: Json) => layer.problems).length).toBeGreaterThan(0);
    if (back === null) return;
    back(paths.s1);
    const [wish] = wishes;
    const again = await runWith(wish, await planned(wish));
    await finished(strata, again.body);
    expectHealthy(paths.active);
  });

test('an image that other tools have written is another one: the plan is stale, for whatever operation', async () => {
  const paths = makeChain(folder(), 'edited');
  const images = await imagesAt(strata, paths);
  const wishes = requests(images);
  const plans = await Promise.all(wishes.map(planned));
  const child = await startByHand(paths.s2);
  child.stdin?.write('{"execute":"qmp_capabilities"}{"execute":"human-monitor-command",');
  child.stdin?.write(
    '"arguments":{"command-line":"qemu-io virtio0 \\"write -P 9 5M 64k\\""}}{"execute":"quit"}',
  );
  await once(child, 'exit');
  for (const [at, wish] of wishes.entries())
    expect(await runWith(wish, plans[at])).toMatchObject({ status: 409, body: { code: 'plan-stale' } });
});

test('a VM that somebody started by hand on our image stands in the way, by name and number, until it has ended', async () => {
  const paths = makeChain(folder(), 'hand');
  const whole = flatten(paths.active, test.info().outputPath('whole.raw'));
  const images = await imagesAt(strata, paths);
  const wishes = requests(images);
  const plans = await Promise.all(wishes.map(planned));
  const child = await startByHand(paths.active);
  try {
    const before = chainNames.map((name) => sha256(paths[name]));
    for (const [at, wish] of wishes.entries()) {
      expect((await runWith(wish, plans[at])).body.code).toBe('plan-stale');
      const plan = await planned(wish);
      expect(plan.blockers).toMatchObject([{ code: 'image-locked' }]);
      expect(plan.blockers[0].message).toContain(`qemu-system-x86_64 (process ${child.pid}) has “`);
      expect(await runWith(wish, plan)).toMatchObject({ status: 409, body: { code: 'plan-blocked' } });
    }
    const vm = await strata.ok('POST', '/vms', {
      name: 'hand',
      memory: '64M',
      disks: [{ imageId: images.active.id }],
      nics: [],
    });
    const start = await strata.call('POST', `/vms/${vm.id}/start`);
    expect(start).toMatchObject({ status: 409, body: { code: 'image-locked' } });
    expect(start.body.detail).toContain('qemu-system-x86_64');
    expect(chainNames.map((name) => sha256(paths[name]))).toEqual(before);
  } finally {
    await kill(child);
  }
  const [wish] = wishes;
  await finished(strata, (await runWith(wish, await planned(wish))).body);
  expectSameContent(whole, paths.active);
});

test('a base that is deleted while it is committed into: the commit fails in words, and no merged layer is deleted', async () => {
  const paths = makeChain(folder(), 'pulled-away');
  const images = await imagesAt(strata, paths);
  const wish = { operation: 'commit', top: images.s3.id, base: images.base.id };
  const { body: operation } = await runWith(wish, await planned(wish), { bytesPerSecond: 4 * 1024 ** 2 });
  const at = `/operations/${operation.id}`;
  await until(
    'it copies',
    () => strata.ok('GET', at),
    ({ progress }) => progress.done > 0,
  );
  rmSync(paths.base);
  await strata.ok('PATCH', at, { bytesPerSecond: 0 });
  const ended = await until(
    'it has ended',
    () => strata.ok('GET', at),
    ({ state }) => ['done', 'failed'].includes(state),
  );
  expect(ended.state).toBe('failed');
  expect(ended.error.message).toMatch(/base/);
  for (const name of ['s1', 's2', 's3', 'active'] as const) expect(existsSync(paths[name]), name).toBe(true);
});

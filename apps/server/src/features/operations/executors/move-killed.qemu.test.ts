import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { expectSame, qemuImg } from '../../../testing/work-bench.ts';
import { killPoints, killStride } from '../testing/kill-points.ts';
import { dyingAt, endOf, type MoveBench, moveBench } from '../testing/move-bench.ts';

/** Each run takes a second: by default every ninth call. */
const stride = killStride(9);

const left = (bench: MoveBench, place: 'here' | 'there'): string[] =>
  readdirSync(dirname(bench.at(place, 'x'))).filter((name) => name !== '.strata-trash');

/** Kills before the given call, lets a new server take over, and looks at every byte and every name. */
const killedAt = async (bench: MoveBench, at: number, vmToo: boolean): Promise<'ended-before' | string> => {
  bench.build();
  await bench.startVm();
  const points = killPoints({ at });
  const server = await bench.open(dyingAt(points));
  const imageId = server.images.findByPath(bench.at('here', 'active.qcow2'))?.id ?? '';
  const folder = dirname(bench.at('there', 'x'));
  await bench.write(2, 20);
  const id = await server.begin({ operation: 'move', imageId, folder });
  const ended = server.operations.wait(id, 60).then(() => 'ended-before' as const);
  const how = await Promise.race([ended, points.reached]);
  if (vmToo) await bench.killVm();

  const next = await bench.open();
  // What the next server sees before it has taken the move up: one image under each name, and none that is half made.
  expect(next.images.list()).toHaveLength(2);
  if (vmToo) next.vms.setLive('web', null);
  await next.operations.recover();
  const operation = await endOf(next, id);
  const place = `killed before call ${at} (${how}): ${JSON.stringify(operation)}`;
  expect(operation.state, place).toBe('done');
  if (!vmToo) {
    expect(await bench.isRunning(), place).toBe(true);
    await bench.write(3, at % 200);
    await bench.killVm();
  }
  expect(left(bench, 'here'), place).toEqual(['base.qcow2']);
  expect(left(bench, 'there'), place).toEqual(['active.qcow2']);
  expect(next.images.facts(imageId).path, place).toBe(bench.at('there', 'active.qcow2'));
  expect(next.images.list(), place).toHaveLength(2);
  expectSame(bench.at('there', 'active.qcow2'), bench.expected, ['qcow2', 'raw']);
  qemuImg('check', '-q', '-f', 'qcow2', bench.at('there', 'active.qcow2'));
  return how;
};

it.each([
  ['the server', false],
  ['the server and the VM', true],
])(
  'a live move comes to its end when %s is killed, before any call',
  { timeout: 300_000 },
  async (_who, vmToo) => {
    for (let at = 1; at < 200; at += stride) {
      const bench = moveBench();
      try {
        if ((await killedAt(bench, at, vmToo)) !== 'ended-before') continue;
        expect(at).toBeGreaterThan(20);
        return;
      } finally {
        await bench.dispose();
      }
    }
    throw new Error('it never ended');
  },
);

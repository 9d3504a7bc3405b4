import { expect, test } from '@playwright/test';
import { randomFrom } from '../src/random.ts';
import { complaintsOfAll, complaintsOfFiles, complaintsOfGuest } from '../src/restore-points/judge.ts';
import { killedActs, killIn } from '../src/restore-points/killed-acts.ts';
import { begin, copiesOf, defineMachine, operate, powerOff, vmOf } from '../src/restore-points/machines.ts';
import type { Scene } from '../src/restore-points/scene.ts';
import { write } from '../src/restore-points/vm-acts.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';

/*
 * `kill -9` of the server at random moments while the memory of a Linux guest is saved or loaded. Whatever was hit, the
 * guest goes on with what it had in memory and on its disks, or it is the guest of the moment it was put back to.
 *
 *   STRATA_MEMORY_KILLS=100 STRATA_MEMORY_SEED=7 npx playwright test --project=acceptance memory-killed
 */
const kills = Number(process.env.STRATA_MEMORY_KILLS ?? killedActs.length);
const seed = Number(process.env.STRATA_MEMORY_SEED ?? 7);

test.describe.configure({ mode: 'default', timeout: 120_000 + kills * 30_000 });

test('no memory of a guest is lost or mixed up when the server is killed while it is saved or loaded', async () => {
  const scratch = test.info().outputPath('flat');
  const random = randomFrom(seed);
  let strata = await startStrata();
  const machine = await defineMachine(strata);
  await strata.ok('POST', `/vms/${machine.vmId}/start`);
  await begin(strata, machine);
  let number = 0;
  const scene = (): Scene => ({ strata, random, machines: [machine], next: () => ++number });
  const said = [`STRATA_MEMORY_SEED=${seed}`];

  await write(scene(), machine);
  const taken = await operate(strata, 'POST', `/vms/${machine.vmId}/snapshots`, {
    ...{ name: 'goal', memory: true },
  });
  if (typeof taken === 'string') throw new Error(taken);
  const { disks, memory } = machine;
  const goal = { id: taken.result.snapshotId, name: 'goal', disks: copiesOf(disks), memory };
  machine.points.set(goal.id, goal);

  for (let kill = 0; kill < kills; kill += 1) {
    const act = killedActs[kill % killedActs.length];
    if (act === undefined) break;
    await write(scene(), machine);
    await act.prepare?.(strata, machine);
    const started = strata;
    const hit = await killIn(random, strata, machine, act, () =>
      act.begin(started, machine, goal, `point ${kill}`),
    );
    strata = hit.strata;
    const { state, error } = hit.operation ?? { state: 'no operation' };
    const found = (await vmOf(strata, machine)).state;
    said.push(`${act.words}, killed after ${hit.afterMs} ms → ${found}, ${state} ${error?.message ?? ''}`);
    const complaints = [
      ...(await act.settle(strata, machine, goal, hit.operation)),
      ...(await complaintsOfGuest(strata, machine)),
      ...(await complaintsOfAll(strata, scratch, [machine])),
    ];
    expect(complaints, said.join('\n')).toEqual([]);
  }
  await powerOff(strata, machine);
  expect(await complaintsOfFiles(strata, [machine]), said.join('\n')).toEqual([]);
  process.stdout.write(`${said.join('\n')}\n`);
  await disposeStrata(strata);
});

import { expect, test } from '@playwright/test';
import { type Random, randomFrom } from '../src/random.ts';
import { complaintsOfAll, complaintsOfFiles } from '../src/restore-points/judge.ts';
import { begin, defineMachine, powerOff } from '../src/restore-points/machines.ts';
import type { Act, Done, Scene } from '../src/restore-points/scene.ts';
import { remove, revert, take } from '../src/restore-points/snapshot-acts.ts';
import { branch, power, write } from '../src/restore-points/vm-acts.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';

/*
 * A Linux guest writes to two disks and counts in its memory. Snapshots of every kind are taken, reverted to, deleted
 * and branched from in a random order, running, paused, suspended and off. After each step every restore point there is
 * is compared with the bytes that had been written when it was taken; a guest that goes on from its memory must count on
 * from there.
 *
 *   STRATA_SNAPSHOT_STEPS=400 STRATA_SNAPSHOT_SEED=7 npx playwright test --project=acceptance snapshots-random
 */
const steps = Number(process.env.STRATA_SNAPSHOT_STEPS ?? 18);
// Always the same sequence unless asked otherwise, so that a change is judged by what it changed.
const firstSeed = Number(process.env.STRATA_SNAPSHOT_SEED ?? 400);
const stepsOfAWorld = 25;
const worlds = Math.ceil(steps / stepsOfAWorld);

const acts: readonly Act[] = [write, write, take, take, take, revert, revert, remove, remove, branch, power];

test.describe.configure({ mode: 'default', timeout: 600_000 });

/** Each act has its turn in each round. */
function* inRounds(random: Random): Generator<Act, never> {
  for (;;) yield* random.shuffled(acts);
}

const playAct = async (turns: Generator<Act, never>, scene: Scene): Promise<Done> => {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const done = await turns.next().value(scene, scene.random.pick(scene.machines));
    if (done !== null) return done;
  }
  throw new Error('nothing could be done');
};

for (let world = 0; world < worlds; world += 1) {
  const seed = firstSeed + world;
  test(`after each of many steps every restore point holds what it held (sequence ${world + 1} of ${worlds})`, async () => {
    const scratch = test.info().outputPath('flat');
    const random = randomFrom(seed);
    const strata = await startStrata();
    const first = await defineMachine(strata);
    await strata.ok('POST', `/vms/${first.vmId}/start`);
    await begin(strata, first);
    const turns = inRounds(random);
    let number = 0;
    const scene: Scene = { strata, random, machines: [first], next: () => ++number };
    const said = [`STRATA_SNAPSHOT_SEED=${seed}`];
    const all = Math.min(stepsOfAWorld, steps - world * stepsOfAWorld);
    let refusals = 0;

    for (let step = 1; step <= all; step += 1) {
      const { words, complaints, refused } = await playAct(turns, scene).catch((error: unknown) => {
        throw new Error(`${said.join('\n')}\nthen: ${error instanceof Error ? error.stack : String(error)}`);
      });
      said.push(`${seed}.${step}: ${words}`);
      refusals += refused === true ? 1 : 0;
      const found = [...complaints, ...(await complaintsOfAll(strata, scratch, scene.machines))];
      expect(found, said.join('\n')).toEqual([]);
    }

    for (const machine of scene.machines) await powerOff(strata, machine);
    expect(await complaintsOfFiles(strata, scene.machines), said.join('\n')).toEqual([]);
    // A sequence of nothing but refusals would prove nothing.
    expect(refusals, said.join('\n')).toBeLessThan(all / 2);
    process.stdout.write(`${said.join('\n')}\n`);
    await disposeStrata(strata);
  });
}

import { mkdirSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { randomFrom } from '../src/random.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';
import { growForest } from '../src/survival/forest.ts';
import { inAllKinds } from '../src/survival/random-act.ts';
import { closeForest } from '../src/survival/round.ts';
import { playStep } from '../src/survival/step.ts';

/*
 * Every operation on a random forest, one after the other in a random order, VMs running and guests writing between
 * them. After each, qemu-img flattens every image there is, and what each reads is compared with what it must read.
 *
 *   STRATA_SEQUENCE_STEPS=400 STRATA_SEQUENCE_SEED=7 npx playwright test --project=acceptance sequences-random
 */
const steps = Number(process.env.STRATA_SEQUENCE_STEPS ?? 10);
// Always the same sequences unless asked otherwise, so that a change is judged by what it changed.
const firstSeed = Number(process.env.STRATA_SEQUENCE_SEED ?? 31);
const stepsOfAForest = 20;
const forests = Math.ceil(steps / stepsOfAForest);

test.describe.configure({ mode: 'default', timeout: 600_000 });

for (let forest = 0; forest < forests; forest += 1) {
  const seed = firstSeed + forest;
  test(`after each of many operations every image reads what it must (forest ${forest + 1} of ${forests})`, async () => {
    const scratch = test.info().outputPath('flat');
    mkdirSync(scratch, { recursive: true });
    const random = randomFrom(seed);
    const strata = await startStrata();
    const removeFolders = await growForest(random, strata);
    const said = [`STRATA_SEQUENCE_SEED=${seed}`];
    const kinds = inAllKinds(random);
    let played = 0;

    for (let step = 1; step <= Math.min(stepsOfAForest, steps - forest * stepsOfAForest); step += 1) {
      const end = await playStep(random, kinds.next().value, strata, scratch).catch((error: unknown) => {
        throw new Error(`${said.join('\n')}\nthen: ${error instanceof Error ? error.stack : String(error)}`);
      });
      if (end === null) continue;
      played += 1;
      said.push(`${seed}.${step}: ${end.words}`);
      expect(end.complaints, said.join('\n')).toEqual([]);
    }

    expect(await closeForest(strata, scratch), said.join('\n')).toEqual([]);
    // Some kinds find nothing to work on in some forests; a sequence of nothing would prove nothing.
    expect(played, said.join('\n')).toBeGreaterThan(Math.min(stepsOfAForest, steps) / 2);
    process.stdout.write(`${said.join('\n')}\n`);
    await disposeStrata(strata);
    removeFolders();
  });
}

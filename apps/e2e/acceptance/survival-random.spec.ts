import { mkdirSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { randomFrom } from '../src/random.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';
import { growForest } from '../src/survival/forest.ts';
import { closeForest, playRound } from '../src/survival/round.ts';

/*
 * Kills at random moments of random operations on random forests, with a look at every byte after each one.
 *
 *   STRATA_SURVIVAL_RUNS=200 STRATA_SURVIVAL_SEED=7 npx playwright test --project acceptance survival-random
 *
 *   STRATA_SURVIVAL_KINDS=copy,rename   only these operations
 *   STRATA_SURVIVAL_KINDS=convert,take-in,download,checksum   files that come in and go out: only when they are asked for
 *
 * A forest takes a few kills in a row, then another one is grown from the next seed. With the seed that a failure names
 * the same operations and victims come again; the moment of the kill does so within some milliseconds.
 */
const runs = Number(process.env.STRATA_SURVIVAL_RUNS ?? 12);
// Always the same forests unless asked otherwise, so that a change is judged by what it changed.
const firstSeed = Number(process.env.STRATA_SURVIVAL_SEED ?? 20_261);
const killsOfAForest = 6;
const forests = Math.ceil(runs / killsOfAForest);

test.describe.configure({ mode: 'default', timeout: 600_000 });

for (let forest = 0; forest < forests; forest += 1) {
  const seed = firstSeed + forest;
  test(`nothing that a plan does not name is lost, whoever is killed whenever (forest ${forest + 1} of ${forests})`, async () => {
    const scratch = test.info().outputPath('flat');
    mkdirSync(scratch, { recursive: true });
    const random = randomFrom(seed);
    let strata = await startStrata();
    const said = [`STRATA_SURVIVAL_SEED=${seed}`];
    const removeFolders = await growForest(random, strata);

    for (let kill = 1; kill <= Math.min(killsOfAForest, runs - forest * killsOfAForest); kill += 1) {
      const round = await playRound(random, strata, scratch).catch((error: unknown) => {
        throw new Error(`${said.join('\n')}\nthen: ${error instanceof Error ? error.stack : String(error)}`);
      });
      if (round === null) break;
      strata = round.strata;
      said.push(`${seed}.${kill}: ${round.words}`);
      expect(round.complaints, said.join('\n')).toEqual([]);
    }

    expect(await closeForest(strata, scratch), said.join('\n')).toEqual([]);
    process.stdout.write(`${said.join('\n')}\n`);
    await disposeStrata(strata);
    removeFolders();
  });
}

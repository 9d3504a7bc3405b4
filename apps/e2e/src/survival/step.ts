import type { Random } from '../random.ts';
import type { Strata } from '../strata.ts';
import type { Act } from './act.ts';
import { inspect, live, settled } from './round.ts';
import type { Killed } from './victims.ts';
import { observe, type World } from './world.ts';

export interface StepEnd {
  readonly words: string;
  readonly complaints: readonly string[];
}

const nobody: Killed = { server: false, pids: new Set(), tool: false, words: 'nobody' };

/** One operation to its end, nobody killed, and a look at everything. Null when it cannot be done in this forest. */
export const playStep = async (
  random: Random,
  choose: (strata: Strata, world: World) => Promise<Act | null>,
  strata: Strata,
  scratch: string,
): Promise<StepEnd | null> => {
  await live(random, strata);
  const before = await observe(strata, scratch);
  const act = await choose(strata, before);
  const operation = (await act?.run(0)) ?? null;
  if (act === null || operation === null) return null;
  const outcome = await settled(strata, operation, nobody);
  const ended = outcome.state === 'done' ? [] : [`it ended ${outcome.state}: ${outcome.error?.message}`];
  return {
    words: act.words,
    complaints: [...ended, ...(await inspect(strata, scratch, before, act, outcome, nobody))],
  };
};

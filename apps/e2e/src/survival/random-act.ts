import type { Random } from '../random.ts';
import type { Strata } from '../strata.ts';
import type { Act, ActKind } from './act.ts';
import {
  commit,
  commitUnderSiblings,
  compact,
  deleteLayer,
  flatten,
  move,
  pull,
  rebase,
  relink,
} from './chain-acts.ts';
import { checksum, convert, download, takeIn } from './file-acts.ts';
import { check, copy, rename } from './image-acts.ts';
import { adopt, repair } from './library-acts.ts';
import { branch, duplicate, forget, promote, revert, take } from './vm-acts.ts';
import type { World } from './world.ts';

type Choice = (random: Random, strata: Strata, world: World) => Promise<Act | null> | null;

/** Each kind has the same share, whatever share of its wishes is refused. */
const choices: readonly Choice[] = [
  commit,
  commitUnderSiblings,
  pull,
  flatten,
  deleteLayer,
  rebase,
  relink,
  compact,
  move,
  take,
  revert,
  branch,
  duplicate,
  promote,
  copy,
  rename,
  adopt,
  repair,
];
/** Over in a moment, so rarely hit. */
const rarely: readonly Choice[] = [forget, check];

/** Only when they are asked for: the forests of every day have their acts. */
const onRequest: readonly Choice[] = [convert, takeIn, download, checksum];

const triesOfAKind = 8;
const tries = 30;

/** Only these, when a certain operation is to be looked at: `STRATA_SURVIVAL_KINDS=copy,rename`. */
const wanted = process.env.STRATA_SURVIVAL_KINDS?.split(',') as readonly ActKind[] | undefined;

/** What of this kind no blocker forbids; null when nothing could be found. */
const actOf = async (choose: Choice, random: Random, strata: Strata, world: World): Promise<Act | null> => {
  for (let attempt = 0; attempt < triesOfAKind; attempt += 1) {
    const act = await choose(random, strata, world);
    if (act !== null && wanted?.includes(act.kind) !== false) return act;
  }
  return null;
};

/** One of each kind that can be found, in an order of chance; without end. */
export function* inAllKinds(
  random: Random,
): Generator<(strata: Strata, world: World) => Promise<Act | null>> {
  for (;;)
    for (const choose of random.shuffled([...choices, ...rarely]))
      yield (strata, world) => actOf(choose, random, strata, world);
}

/** Something that no blocker forbids; null when nothing could be found. */
export const randomAct = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  for (let kind = 0; kind < tries; kind += 1) {
    const common = wanted === undefined ? choices : [...choices, ...onRequest];
    const choose = random.pick(random.chance(0.08) ? rarely : common);
    const act = await actOf(choose, random, strata, world);
    if (act !== null) return act;
  }
  return null;
};

import type { ChainPlan, Forest, LayerId } from '@strata/backing-chain';
import { byteWords } from './byte-words.ts';
import type { ChainWish } from './chain-wish.ts';

const list = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What happens, in order; the executors count their steps by this list. */
export const planSteps = (forest: Forest, plan: ChainPlan, wish: ChainWish): string[] => {
  const name = (id: LayerId): string => `“${forest.layers.get(id)?.name ?? id}”`;
  const names = (ids: readonly LayerId[]): string => list(ids.map(name));
  const bytes = byteWords(plan.bytesToMove);

  if (wish.operation === 'pull') {
    const sources = plan.moves.map((move) => move.from);
    return [
      sources.length === 0
        ? `Look for data below ${name(wish.into)}: there is none to copy`
        : `Copy ${bytes} from ${names(sources)} up into ${name(wish.into)}`,
      wish.base === null
        ? `Write it to disk, then cut the link of ${name(wish.into)}: it stands on its own`
        : `Write it to disk, then link ${name(wish.into)} to ${name(wish.base)}`,
      'Verify the links and the sizes',
      ...(plan.deletes.length > 0 ? [`Move ${names(plan.deletes)} to the trash`] : []),
    ];
  }
  const vms = list(
    plan.switches.map(({ vmId }) => {
      const disk = forest.disks.find((use) => use.vmId === vmId);
      return `“${disk?.vmName ?? vmId}”`;
    }),
  );
  const relinked = plan.relinks.map((relink) => relink.layer);
  const next =
    wish.above !== null
      ? `Link ${names(relinked)} to ${name(wish.base)}`
      : plan.switches.length > 0
        ? `Let the disk of ${vms} continue on ${name(wish.base)}`
        : `End the copying with ${name(wish.base)} complete`;
  return [
    `Copy ${bytes} from ${names(plan.deletes)} down into ${name(wish.base)}`,
    next,
    plan.liveVm !== null && wish.above === null
      ? 'Verify the chain'
      : `Compare ${name(wish.top)} with ${name(wish.base)}, and verify the chain`,
    `Delete ${names(plan.deletes)}`,
  ];
};

import type { ChainPlan, CompactPlan, Forest, LayerId } from '@strata/backing-chain';
import { byteWords } from './byte-words.ts';
import type { ChainWish } from './chain-wish.ts';

const list = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What happens, in order; the executors count their steps by this list. */
export const planSteps = (forest: Forest, plan: ChainPlan, wish: ChainWish): string[] => {
  const name = (id: LayerId): string => `“${forest.layers.get(id)?.name ?? id}”`;
  const names = (ids: readonly LayerId[]): string => list(ids.map(name));
  const bytes = byteWords(plan.bytesToMove);

  if (wish.operation === 'delete-up')
    return [
      ...wish.parts.map(
        ({ into, base }, index) =>
          `Copy ${byteWords(plan.parts?.[index]?.bytesToMove ?? 0)} up into ${name(into)}, which then stands on ${base === null ? 'nothing' : name(base)}`,
      ),
      `Move ${name(wish.layer)} to the trash`,
    ];
  if (wish.operation === 'compact') return compactSteps(name, bytes, plan as CompactPlan, wish);
  if (wish.operation === 'rebase') return rebaseSteps(name, bytes, wish);
  if (wish.operation === 'move') return moveSteps(name, bytes, plan, wish);
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

const compactSteps = (
  name: (id: LayerId) => string,
  bytes: string,
  { gain }: CompactPlan,
  { layer, method }: Extract<ChainWish, { operation: 'compact' }>,
): string[] => {
  const back = `${gain.exact ? '' : 'about '}${byteWords(gain.bytes)}`;
  if (method === 'punch')
    return [
      `Read the data of ${name(layer)}, and make holes where it is zeros: ${back} ${gain.exact ? 'come' : 'comes'} back`,
      'Compare what it reads with what it read before',
    ];
  return [
    `Write ${name(layer)} anew beside itself, ${gain.exact ? '' : 'about '}${bytes} of data, without zeros and clusters that nothing uses`,
    'Compare the new file with the old one, alone and over its backing, and cluster by cluster',
    `Let the new file take the place of the old one, verify it there, and drop the old one: ${back} back`,
  ];
};

const rebaseSteps = (
  name: (id: LayerId) => string,
  bytes: string,
  { layer, old, backing, relink, compared }: Extract<ChainWish, { operation: 'rebase' }>,
): string[] => {
  const target = backing === null ? 'nothing' : name(backing);
  const before = old === null ? 'nothing' : name(old);
  if (!relink)
    return [
      `Copy what ${before} and ${target} show differently into ${name(layer)}, at most ${bytes}, and link it to ${target}`,
      `Compare ${name(layer)} over ${before} with ${name(layer)} over ${target}, and verify the chain`,
    ];
  return [
    compared
      ? `Compare ${before} with ${target} over their whole size; if they differ, nothing is changed`
      : `Compare nothing: the old backing is gone, and you have said that ${target} reads the same`,
    `Link ${name(layer)} to ${target}, and verify the chain`,
  ];
};

const moveSteps = (
  name: (id: LayerId) => string,
  bytes: string,
  { liveVm, relinks }: ChainPlan,
  { layer, place }: Extract<ChainWish, { operation: 'move' }>,
): string[] => {
  const { from, to, part } = place.move;
  if (liveVm !== null)
    return [
      `Copy ${bytes} of ${name(layer)} to ${to}, and let “${liveVm.vmName}” write both`,
      `Let “${liveVm.vmName}” continue on ${to}`,
      'Verify the chain',
      `Delete ${from}`,
    ];
  const links =
    relinks.length === 0 ? '' : `, and rewrite the links of ${list(relinks.map((each) => name(each.layer)))}`;
  return [
    part === null ? `Give ${from} a second name` : `Copy ${from} (${bytes}), and compare every byte`,
    `Let everything lead to ${to}${links}`,
    `Delete ${from}`,
  ];
};

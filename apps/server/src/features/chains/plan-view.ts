import {
  type ChainPlan,
  type CompactPlan,
  type DeletePlan,
  type Forest,
  impedimentWords,
  isRefusal,
  type LayerId,
} from '@strata/backing-chain';
import type { Plan } from '@strata/contract';
import type { ChainWish } from './chain-wish.ts';
import { type SpaceNeeded, spendableOf } from './free-space.ts';
import { type OpenNodes, planCommands } from './plan-commands.ts';
import { planSteps } from './plan-steps.ts';

type PlanLayer = Plan['before'][number]['layers'][number];

/** Who shows what, before the operation and after it. */
interface Marks {
  readonly snapshots: ReadonlyArray<{ id: string; name: string; imageId: LayerId }>;
  readonly actives: ReadonlyArray<{ id: string; name: string; imageId: LayerId }>;
}

const marksBefore = (forest: Forest): Marks => ({
  snapshots: forest.snapshots.map(({ snapshotId: id, name, imageId }) => ({ id, name, imageId })),
  actives: forest.disks.map(({ vmId: id, vmName: name, imageId }) => ({ id, name, imageId })),
});

const marksAfter = (forest: Forest, plan: ChainPlan): Marks => {
  const lost = new Set(plan.losesSnapshots.map(({ id }) => id));
  return {
    snapshots: forest.snapshots
      .filter((use) => !lost.has(use.snapshotId))
      .map(({ snapshotId: id, name, imageId }) => {
        const moved = plan.repointsSnapshots.find((move) => move.snapshotId === id && move.from === imageId);
        return { id, name, imageId: moved?.to ?? imageId };
      }),
    actives: forest.disks.map(({ vmId: id, vmName: name, diskId, imageId }) => {
      const moved = plan.switches.find((change) => change.vmId === id && change.diskId === diskId);
      return { id, name, imageId: moved?.to ?? imageId };
    }),
  };
};

const drawn = (
  forest: Forest,
  chains: ChainPlan['before'],
  marks: Marks,
  bytesOf: (id: LayerId, allocated: number) => number,
): Plan['before'] => {
  const on = (all: Marks['actives'], id: LayerId) =>
    all.filter((mark) => mark.imageId === id).map(({ id: markId, name }) => ({ id: markId, name }));
  return chains.map((chain) => ({
    layers: chain.map((id): PlanLayer => {
      const layer = forest.layers.get(id);
      return {
        imageId: id,
        name: layer?.name ?? id,
        format: layer?.format ?? 'raw',
        allocatedBytes: bytesOf(id, layer?.allocatedBytes ?? 0),
        snapshots: on(marks.snapshots, id),
        activeOf: on(marks.actives, id),
      };
    }),
  }));
};

/** Each way to delete a layer with its price, also those that are not taken. */
const choicesOf = (plan: ChainPlan): Pick<Plan, 'choices'> => {
  if (!('choices' in plan)) return {};
  const { choices } = plan as DeletePlan;
  return {
    choices: choices.map(({ method, plan: way }) => ({
      method,
      bytesToMove: isRefusal(way) ? 0 : way.bytesToMove,
      live: !isRefusal(way) && way.liveVm !== null,
      losesSnapshots: isRefusal(way) ? [] : way.losesSnapshots.map((snapshot) => ({ ...snapshot })),
      impediment: isRefusal(way)
        ? way.message
        : way.blockers.length === 0
          ? null
          : impedimentWords(way.blockers),
    })),
  };
};

const gainOf = (plan: ChainPlan): Pick<Plan, 'gain'> =>
  plan.operation === 'compact' ? { gain: { ...(plan as CompactPlan).gain } } : {};

/** By how much each file becomes larger, or smaller; one that moves stays as large as it was. */
const growthOf = (plan: ChainPlan): ReadonlyMap<LayerId, number> => {
  if (plan.operation === 'compact') return new Map([[plan.grows.layer, -(plan as CompactPlan).gain.bytes]]);
  const growth = new Map<LayerId, number>();
  for (const { grows } of plan.operation === 'move' ? [] : (plan.parts ?? [plan]))
    growth.set(grows.layer, (growth.get(grows.layer) ?? 0) + grows.bytes);
  return growth;
};

/** What a commit merged is gone; everything else that a plan deletes is a whole image. */
const isTrash = (plan: ChainPlan): boolean =>
  plan.deletes.length > 0 && plan.operation !== 'commit' && plan.method !== 'commit';

/** A planner's answer as the wire shows it: with names, paths, sizes, words and commands. */
export const planView = (
  forest: Forest,
  plan: ChainPlan,
  wish: ChainWish,
  known: { fingerprint: string; spaces: readonly SpaceNeeded[]; nodes: OpenNodes },
): Plan => ({
  ...planFacts(forest, plan, known),
  steps: planSteps(forest, plan, wish),
  commands: plan.blockers.length > 0 ? [] : planCommands(forest, plan, wish, known.nodes),
});

/** All of it but how it is done. */
export const planFacts = (
  forest: Forest,
  plan: ChainPlan,
  known: { readonly fingerprint: string; readonly spaces: readonly SpaceNeeded[] },
): Omit<Plan, 'steps' | 'commands'> => {
  const [tightest] = known.spaces;
  const file = (id: LayerId) => {
    const layer = forest.layers.get(id);
    return { imageId: id, path: layer?.path ?? '', bytes: layer?.allocatedBytes ?? 0 };
  };
  const name = (id: LayerId) => forest.layers.get(id)?.name ?? id;
  const growth = growthOf(plan);
  return {
    fingerprint: known.fingerprint,
    operation: plan.operation,
    ...(plan.method === undefined ? {} : { method: plan.method }),
    ...choicesOf(plan),
    ...gainOf(plan),
    live: plan.liveVm !== null,
    before: drawn(forest, plan.before, marksBefore(forest), (_id, allocated) => allocated),
    after: drawn(
      forest,
      plan.after.filter((chain) => chain.length > 0),
      marksAfter(forest, plan),
      (id, allocated) => Math.max(0, allocated + (growth.get(id) ?? 0)),
    ),
    moves: plan.moves.map((move) => ({ ...move })),
    bytesToMove: plan.bytesToMove,
    freeSpaceNeeded: tightest?.needed ?? 0,
    freeSpace: tightest === undefined ? null : spendableOf(tightest),
    spaces: [...known.spaces],
    deletes: plan.deletes.map(file),
    ...(isTrash(plan) ? { toTrash: true } : {}),
    losesSnapshots: plan.losesSnapshots.map((snapshot) => ({ ...snapshot })),
    movesSnapshots: plan.repointsSnapshots.map(({ snapshotId, from, to }) => ({
      id: snapshotId,
      name: forest.snapshots.find((use) => use.snapshotId === snapshotId)?.name ?? snapshotId,
      from,
      to,
    })),
    relinks: plan.relinks.map(({ layer, from, to }) => ({ imageId: layer, name: name(layer), from, to })),
    switches: plan.switches.map((change) => ({ ...change })),
    ...(plan.relocates === undefined
      ? {}
      : { relocates: { imageId: plan.relocates.layer, from: plan.relocates.from, to: plan.relocates.to } }),
    nowUnused: plan.nowUnused.map((id) => ({ ...file(id), name: name(id) })),
    blockers: plan.blockers.map((blocker) => ({
      ...blocker,
      subjects: blocker.subjects.map((subject) => ({ ...subject })),
    })),
  };
};

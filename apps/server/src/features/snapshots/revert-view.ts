import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ContinuePlan,
  type Forest,
  type LayerId,
  newOverlayId,
  type PromotePlan,
  type RevertPlan,
  standsOn,
} from '@strata/backing-chain';
import type { Plan } from '@strata/contract';
import { relativeBacking } from '../../backing-link.ts';
import { shellWord } from '../../shell-word.ts';
import { byteWords } from '../chains/byte-words.ts';

export interface RevertWords {
  readonly snapshotName: string;
  /** The name of the snapshot that keeps the current state; null when it is given up. */
  readonly keepName: string | null;
  /** The active layers hold nothing of their own since the snapshot. */
  readonly unchanged: boolean;
  readonly start: 'no' | 'running' | 'paused';
  /** The hardware differs from that of then, which is restored. */
  readonly restores: boolean;
  /** It goes on from the memory of the snapshot. */
  readonly memory: boolean;
  /** It is suspended now: that memory is kept with the current state, or given up. */
  readonly leavesMemory: 'no' | 'kept' | 'given up';
  /** At most so many bytes of memory are saved before it ends, and kept with the current state. */
  readonly savesMemory: number | null;
}

const quoted = (names: readonly string[]): string => names.map((name) => `“${name}”`).join(', ');

export type RevertStep = 'create' | 'stop' | 'switch' | 'after';

const keepWords = ({ keepName, leavesMemory, savesMemory }: RevertWords): string => {
  const memory =
    savesMemory !== null ? ' and its memory' : leavesMemory === 'no' ? '' : ' and its saved memory';
  if (keepName === null) return `Give up the current state${memory}`;
  if (leavesMemory === 'given up')
    return `Give up the saved memory, keep the current state without it as “${keepName}”`;
  return `Keep the current state${memory} as “${keepName}”`;
};

const stopWords = ({ savesMemory }: RevertWords, vmName: string): string =>
  savesMemory === null
    ? `Pause and power off “${vmName}”`
    : `Stop “${vmName}”, save its memory (up to ${byteWords(savesMemory)}), and power it off`;

const startWords = ({ memory, snapshotName }: RevertWords): string =>
  memory ? `let the VM go on from its memory at “${snapshotName}”` : 'start the VM';

/** What happens, in order. What there is nothing to do for is no step. */
export const revertSteps = (
  forest: Forest,
  plan: RevertPlan,
  words: RevertWords,
): { readonly step: RevertStep; readonly text: string }[] => {
  const name = (id: LayerId) => forest.layers.get(id)?.name ?? id;
  const since = words.unchanged ? ` (there are no changes since “${words.snapshotName}”)` : '';
  const kept = `${keepWords(words)}${since}`;
  const disks = plan.overlays.length === 1 ? 'the disk' : 'the disks';
  const overlays = plan.overlays.length === 1 ? 'the new overlay' : 'the new overlays';
  const after = [
    ...(plan.deletes.length > 0 ? [`move ${quoted(plan.deletes.map(name))} to the trash`] : []),
    ...(words.start === 'no' ? [] : [`${startWords(words)}${words.start === 'paused' ? ', paused' : ''}`]),
  ];
  const gone = plan.leaves.map(({ imageId }) => name(imageId));
  const hardware = words.restores ? ', restore the hardware of then' : '';
  const leaving =
    gone.length === 0 ? '' : `, take ${quoted(gone)} out of the VM (the file stays in the library)`;
  const backings = quoted(plan.overlays.map(({ backing }) => name(backing)));
  return [
    { step: 'create', text: `Create a new overlay on ${backings}` },
    ...(plan.vm.running ? [{ step: 'stop' as const, text: stopWords(words, plan.vm.vmName) }] : []),
    { step: 'switch', text: `${kept}${hardware}${leaving}, and let ${disks} continue on ${overlays}` },
    ...(after.length === 0 ? [] : [{ step: 'after' as const, text: `Then ${after.join(' and ')}` }]),
  ];
};

/** Of the snapshot, its layers, what stands on them, the disks as they are and whether the VM runs. */
export const revertFingerprint = async (
  forest: Forest,
  plan: RevertPlan | PromotePlan,
  wish: Record<string, unknown>,
): Promise<string> => {
  const layers = await Promise.all(
    [...new Set([...plan.before, ...plan.after].flat())].sort().map(async (id) => {
      const layer = forest.layers.get(id);
      const file = layer === undefined ? null : await stat(layer.path).catch(() => null);
      const standing = standsOn(forest, id).map(({ kind, subject }) => `${kind} ${subject.id}`);
      return [id, layer?.path, layer?.backingId, layer?.virtualSize, file?.dev, file?.ino, standing.sort()];
    }),
  );
  const everything = JSON.stringify([
    [plan.snapshotId, plan.vm.vmId, plan.vm.running, wish],
    plan.overlays,
    plan.switches,
    plan.operation === 'revert' ? plan.leaves : [],
    plan.deletes,
    plan.blockers.map(({ code }) => code),
    layers,
  ]);
  return createHash('sha256').update(everything).digest('base64url');
};

type PlanLayer = Plan['before'][number]['layers'][number];

/** `keepName`: of the snapshot that keeps what is left. */
const drawn = (
  forest: Forest,
  plan: ContinuePlan,
  keepName: string | null,
  after: boolean,
): Plan['before'] => {
  const chains = after ? plan.after : plan.before;
  const layerOf = (id: LayerId): PlanLayer => {
    const place = plan.overlays.findIndex(({ diskId }) => newOverlayId(diskId) === id);
    const created = plan.overlays[place];
    const layer = forest.layers.get(id);
    const moved = (diskId: string, vmId: string) =>
      vmId === plan.vm.vmId &&
      [...plan.overlays, ...plan.switches].some((change) => change.diskId === diskId);
    const actives = forest.disks
      .filter((disk) => disk.imageId === id && !(after && moved(disk.diskId, disk.vmId)))
      .map(({ vmId, vmName }) => ({ id: vmId, name: vmName }));
    const entered = after && plan.switches.some(({ to }) => to === id);
    const snapshots = forest.snapshots
      .filter((use) => use.imageId === id)
      .map(({ snapshotId, name }) => ({ id: snapshotId, name }));
    const keeps = after && keepName !== null && plan.keeps.some(({ imageId }) => imageId === id);
    return {
      // The wire's ids are short and plain; the overlay gets its own when it is made.
      imageId: created === undefined ? id : `new${place}`,
      ...(created === undefined ? {} : { isNew: true }),
      name: created === undefined ? (layer?.name ?? id) : 'New overlay',
      format: layer?.format ?? 'qcow2',
      allocatedBytes: layer?.allocatedBytes ?? 0,
      snapshots: keeps ? [...snapshots, { id: 'new0', name: keepName ?? '' }] : snapshots,
      activeOf:
        created === undefined && !entered
          ? actives
          : [...actives, { id: plan.vm.vmId, name: plan.vm.vmName }],
    };
  };
  return chains.map((chain) => ({ layers: chain.map(layerOf) }));
};

const fileOf = (forest: Forest) => (id: LayerId) => {
  const layer = forest.layers.get(id);
  return { imageId: id, path: layer?.path ?? '', bytes: layer?.allocatedBytes ?? 0 };
};

/** What a revert and a promote have in common, in the form in which all plans are shown. */
export const continueView = (
  forest: Forest,
  plan: RevertPlan | PromotePlan,
  keepName: string | null,
  known: { readonly fingerprint: string; readonly steps: string[] },
): Plan => {
  const file = fileOf(forest);
  const create = plan.overlays.flatMap(({ backing }) => {
    const layer = forest.layers.get(backing);
    if (layer === undefined) return [];
    const folder = dirname(layer.path);
    return [
      `qemu-img create -f qcow2 -b ${shellWord(relativeBacking(folder, layer.path))} -F ${layer.format} ${shellWord(join(folder, 'new-overlay.qcow2'))}`,
    ];
  });
  return {
    ...known,
    operation: plan.operation,
    live: false,
    before: drawn(forest, plan, keepName, false),
    after: drawn(forest, plan, keepName, true),
    moves: [],
    bytesToMove: 0,
    freeSpaceNeeded: 0,
    freeSpace: null,
    deletes: plan.deletes.map(file),
    losesSnapshots: plan.losesSnapshots.map((snapshot) => ({ ...snapshot })),
    relinks: [],
    switches: plan.switches.map((change) => ({ ...change, vmId: plan.vm.vmId })),
    nowUnused: plan.nowUnused.map((id) => ({ ...file(id), name: forest.layers.get(id)?.name ?? id })),
    blockers: plan.blockers.map((blocker) => ({
      ...blocker,
      subjects: blocker.subjects.map((subject) => ({ ...subject })),
    })),
    commands: plan.blockers.length > 0 ? [] : create,
  };
};

export const revertView = (forest: Forest, plan: RevertPlan, words: RevertWords, fingerprint: string): Plan =>
  continueView(forest, plan, words.keepName, {
    fingerprint,
    steps: revertSteps(forest, plan, words).map(({ text }) => text),
  });

import { chainIds, type Forest, type RevertPlan } from '@strata/backing-chain';
import type { Vm } from '@strata/contract';
import { shellWord } from '../../../shell-word.ts';
import type { SnapshotsDeps } from '../snapshots.service.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import type { InternalRevertHow, InternalRevertStep } from './revert-internal.types.ts';
import type { TaggedDisk } from './tagged-layers.ts';

type Deps = Pick<SnapshotsDeps, 'images' | 'vms'>;

/** What happens, in order. What there is nothing to do for is no step. */
export const internalRevertSteps = (
  { images, vms }: Deps,
  vm: Vm,
  snapshot: StoredSnapshot,
  keepName: string | null,
  how: InternalRevertHow,
): readonly { readonly step: InternalRevertStep; readonly text: string }[] => {
  const saved = how.leavesMemory === null ? '' : ' and its saved memory';
  const layers = snapshot.disks.map(({ imageId }) => `“${images.facts(imageId).name}”`).join(', ');
  const withMemory = how.live && how.memory ? ', memory included,' : '';
  return [
    ...(vms.live(vm.id) === null
      ? []
      : [
          {
            step: 'stop' as const,
            text: how.live ? `Pause “${vm.name}”` : `Pause and power off “${vm.name}”`,
          },
        ]),
    {
      step: 'keep' as const,
      text:
        keepName === null
          ? `Mark the current state, so that nothing is half done; it is given up at the end${saved}`
          : `Keep the current state${saved}${withMemory} as “${keepName}”, inside ${layers}`,
    },
    {
      step: 'apply' as const,
      text: `Let ${layers} show what “${snapshot.name}” holds${how.live ? ', and load its memory' : ''}${how.hardware === null ? '' : ', and restore the hardware of then'}`,
    },
    ...(how.start === 'no'
      ? []
      : [
          {
            step: 'after' as const,
            text: how.live
              ? `Then let the guest ${how.start === 'paused' ? 'stand' : 'go on'}`
              : `Then start the VM${how.memory ? ' with the memory of that moment' : ''}${how.start === 'paused' ? ', paused' : ''}`,
          },
        ]),
  ];
};

export const internalRevertCommands = (
  { images }: Deps,
  disks: readonly TaggedDisk[],
  tag: string,
  live: boolean,
): string[] =>
  live
    ? [`# in the QEMU of the VM: snapshot-load ${tag}, with all its disks`]
    : disks.map(
        ({ imageId }) => `qemu-img snapshot -a ${shellWord(tag)} ${shellWord(images.facts(imageId).path)}`,
      );

/** No layer comes or goes. */
export const inPlace = (
  forest: Forest,
  vm: Vm,
  disks: readonly TaggedDisk[],
  snapshotId: string,
  running: boolean,
): RevertPlan => {
  const chains = disks.map(({ imageId }) => chainIds(forest, imageId));
  return {
    ...{ operation: 'revert', snapshotId, before: chains, after: chains },
    vm: { vmId: vm.id, vmName: vm.name, running },
    ...{
      overlays: [],
      leaves: [],
      switches: [],
      keeps: [],
      deletes: [],
      losesSnapshots: [],
      nowUnused: [],
      blockers: [],
    },
  };
};

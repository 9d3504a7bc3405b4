import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainPlan } from '@strata/backing-chain';
import type { BlockEngines } from '../../qemu/block-engine.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { OpenNodes } from './plan-commands.ts';

type LiveVm = NonNullable<ChainPlan['liveVm']>;

/** The layers that a running VM has open for one disk: node-name by path. */
export type NodesOf = (liveVm: LiveVm) => Promise<ReadonlyMap<string, string>>;

/** A plan does not wait for long for a VM that is busy: its commands then name the layers instead. */
const patienceMs = 2000;

export const nodesOfVm =
  ({ vms, engines }: { vms: Pick<VmsService, 'live'>; engines: Pick<BlockEngines, 'live'> }): NodesOf =>
  async ({ vmId, diskId }) => {
    try {
      const vm = vms.live(vmId);
      if (vm === null) return new Map();
      const chain = engines.live(vm, diskId).chain();
      const late = sleep(patienceMs, [], { ref: false });
      return new Map((await Promise.race([chain, late])).map(({ path, node }) => [path, node]));
    } catch {
      // It does not answer, or its chain is just changing.
      return new Map();
    }
  };

const keyOf = ({ vmId, diskId }: LiveVm): string => `${vmId} ${diskId}`;

/** Asks every VM that a plan needs once. */
export const openNodes = async (plan: ChainPlan, nodesOf: NodesOf): Promise<OpenNodes> => {
  const live = [plan, ...(plan.parts ?? [])].flatMap(({ liveVm }) => (liveVm === null ? [] : [liveVm]));
  const distinct = new Map(live.map((vm) => [keyOf(vm), vm]));
  const known = new Map(
    await Promise.all([...distinct].map(async ([key, vm]) => [key, await nodesOf(vm)] as const)),
  );
  return (vm) => known.get(keyOf(vm)) ?? new Map();
};

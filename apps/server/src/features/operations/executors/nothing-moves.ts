import {
  type ChainPlan,
  type ExtentList,
  type Forest,
  isRefusal,
  type LayerId,
  type Refusal,
} from '@strata/backing-chain';
import { lockHolder } from '../../../qemu/lock-holder.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import type { OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';

interface Emptiness {
  /** Whose data would move. */
  readonly sources: readonly LayerId[];
  /** The other side: what it holds hides theirs, or takes it. */
  readonly target: LayerId;
  readonly replan: (forest: Forest, allocation: ReadonlyMap<LayerId, ExtentList>) => ChainPlan | Refusal;
}

/**
 * Offline, and no byte would move: then no process is needed that copies, only links and books change. Relied on are the
 * tables of the layers as they are now, so these are checked to be sound. Not while anybody has one of them open: whether
 * that is in the way is then told by the locks that a storage daemon meets.
 */
export const nothingMoves = async (
  { images }: ExecutorDeps,
  { request }: OperationContext<ChainRun, unknown>,
  { sources, target, replan }: Emptiness,
): Promise<boolean> => {
  const { plan, layers } = request;
  const qcow2 = sources.every((id) => layers[id]?.format === 'qcow2');
  if (plan.liveVm !== null || plan.bytesToMove > 0 || !qcow2) return false;
  const sizes = new Set([...sources, target].map((id) => layers[id]?.virtualSize));
  if (sizes.size !== 1) return false;
  const allocation = new Map<LayerId, ExtentList>();
  for (const id of [...sources, target]) {
    if ((await lockHolder(images.facts(id).path)) !== null) return false;
    allocation.set(id, await images.allocation(id));
  }
  const now = replan(images.forest(), allocation);
  if (isRefusal(now) || now.bytesToMove > 0) return false;
  for (const id of sources) {
    const { path, format } = images.facts(id);
    if ((await checkImage({ path, format })).errors > 0) return false;
  }
  return true;
};

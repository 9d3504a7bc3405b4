import {
  type ChainPlan,
  type ExtentList,
  type Forest,
  isRefusal,
  type LayerId,
  type Refusal,
} from '@strata/backing-chain';
import { holdsNothing } from '@strata/disk-image';
import { lockHolders } from '../../../qemu/lock-holder.ts';
import { checkImage, type ImageFile } from '../../../qemu/qemu-img.ts';
import type { OperationContext } from '../operations.types.ts';
import type { ChainRun, ExecutorDeps } from './chain-run.types.ts';

interface Emptiness {
  /** Whose data would move. */
  readonly sources: readonly LayerId[];
  /** The other side: what it holds hides theirs, or takes it. */
  readonly target: LayerId;
  readonly replan: (forest: Forest, allocation: ReadonlyMap<LayerId, ExtentList>) => ChainPlan | Refusal;
}

/** A table of zeros cannot map anything wrongly; what holds something, all of it hidden, is checked. */
const isSound = async (layer: ImageFile): Promise<boolean> =>
  (await holdsNothing(layer.path)) || (await checkImage(layer)).errors === 0;

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
  const paths = [...sources, target].map((id) => images.facts(id).path);
  if ((await lockHolders(paths)).some((holder) => holder !== null)) return false;
  const own = async (id: LayerId): Promise<[LayerId, ExtentList]> => [id, await images.allocation(id)];
  const allocation = new Map(await Promise.all([...sources, target].map(own)));
  const now = replan(images.forest(), allocation);
  if (isRefusal(now) || now.bytesToMove > 0) return false;
  const sound = await Promise.all(sources.map((id) => isSound(images.facts(id))));
  return sound.every(Boolean);
};

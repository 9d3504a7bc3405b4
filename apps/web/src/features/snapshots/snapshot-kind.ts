import type { Snapshot } from '@strata/contract';
import {
  IconArrowBackUp,
  IconClock,
  IconCpu,
  IconDeviceSdCard,
  IconDiamond,
  IconZoomCheck,
} from '@tabler/icons-react';
import { words } from '../../lib/words.ts';

type Icon = typeof IconCpu;

/** What a restore point holds, as icon and in words. */
export function kindOf({ kind, memory }: Pick<Snapshot, 'kind' | 'memory'>): { Icon: Icon; text: string } {
  const { kinds } = words.snapshots;
  if (kind === 'internal') return { Icon: IconDiamond, text: memory ? kinds.internalMemory : kinds.internal };
  return memory ? { Icon: IconCpu, text: kinds.memory } : { Icon: IconDeviceSdCard, text: kinds.disk };
}

/** Where it comes from, when nobody took it by hand. */
export function originOf({ origin }: Pick<Snapshot, 'origin'>): { Icon: Icon; text: string } | null {
  if (origin === 'taken') return null;
  const icons = { kept: IconArrowBackUp, schedule: IconClock, found: IconZoomCheck };
  return { Icon: icons[origin], text: words.snapshots.origins[origin] };
}

/** What its disks are worth, honestly: the key of the words for it. */
export const worthOf = ({ vmWasOff, consistency }: Pick<Snapshot, 'vmWasOff' | 'consistency'>) =>
  vmWasOff ? 'off' : consistency;

import type { Snapshot, SnapshotForecast, TakeSnapshot, Vm } from '@strata/contract';
import { isLive } from '../vms/vm-can.ts';

/** The four kinds, as one choice. */
export type TakeKind = 'disks' | 'memory' | 'internal' | 'internal-memory';

export const takeKinds: readonly TakeKind[] = ['disks', 'memory', 'internal', 'internal-memory'];

export const kindFields = (kind: TakeKind): Pick<Snapshot, 'kind' | 'memory'> => ({
  kind: kind.startsWith('internal') ? 'internal' : 'external',
  memory: kind.endsWith('memory'),
});

/** Why a kind is not possible for the disks chosen; null: it is. Undefined as long as nobody knows. */
export function kindRefusal(
  forecast: SnapshotForecast | undefined,
  kind: TakeKind,
  chosen: readonly string[],
): string | null | undefined {
  if (forecast === undefined) return undefined;
  const refusalOf = (wanted: Pick<Snapshot, 'kind' | 'memory'>) => {
    const found = forecast.kinds.find((each) => each.kind === wanted.kind && each.memory === wanted.memory);
    return found === undefined || found.possible ? null : (found.reason ?? '');
  };
  const refusal = refusalOf(kindFields(kind));
  if (kind !== 'internal' || refusal === null) return refusal;
  // Without the disks that stand in its way it is possible, unless nothing is.
  const inTheWay = forecast.disks.some(
    ({ diskId, internal }) => chosen.includes(diskId) && !internal.possible,
  );
  return inTheWay ? refusal : refusalOf(kindFields('disks'));
}

export interface TakeWish {
  readonly name: string;
  readonly description: string;
  readonly kind: TakeKind;
  readonly quiesce: boolean;
  readonly disks: readonly string[];
  /** Null: what stands in the field is no such number. */
  readonly stopAfterSeconds: number | null;
}

/** Only disks alone, of a guest that runs, are worth more when its file systems are frozen. */
export const mayQuiesce = ({ state }: Pick<Vm, 'state'>, kind: TakeKind): boolean =>
  state === 'running' && !kindFields(kind).memory;

export function takeBody(vm: Pick<Vm, 'disks' | 'state'>, wish: TakeWish): TakeSnapshot {
  const fields = kindFields(wish.kind);
  return {
    ...fields,
    name: wish.name.trim(),
    ...(wish.description.trim() === '' ? {} : { description: wish.description }),
    ...(wish.quiesce && mayQuiesce(vm, wish.kind) ? { quiesce: true } : {}),
    ...(fields.memory || wish.disks.length === vm.disks.length ? {} : { disks: [...wish.disks] }),
    ...(fields.memory && fields.kind === 'external' && isLive(vm.state) && wish.stopAfterSeconds !== null
      ? { stopAfterSeconds: wish.stopAfterSeconds }
      : {}),
  };
}

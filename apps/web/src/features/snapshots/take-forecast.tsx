import type { SnapshotForecast, Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { diskName } from '../layers/disk-name.ts';
import { isLive } from '../vms/vm-can.ts';
import classes from './take-snapshot-dialog.module.css';
import { kindFields, mayQuiesce, type TakeWish } from './take-wish.ts';

interface TakeForecastProps {
  vm: Vm;
  wish: TakeWish;
  forecast: SnapshotForecast | undefined;
}

/** What it will cost and what it will be worth, before it is taken. */
export function TakeForecast({ vm, wish, forecast }: TakeForecastProps) {
  const { take } = words.snapshots;
  const lines = [...costLines(wish, forecast), ...worthLines(vm, wish)];
  const short = shortBy(wish, forecast);
  return (
    <div className={classes.forecast}>
      <strong>{take.cost}</strong>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
        {(forecast?.disks ?? [])
          .filter(({ diskId }) => wish.disks.includes(diskId))
          .map(({ diskId, ownBytes }) => {
            const index = vm.disks.findIndex(({ id }) => id === diskId);
            return <li key={diskId}>{take.grown(diskName(vm.disks, index), ownBytes)}</li>;
          })}
        {short > 0 ? <li className={classes.short}>{take.tooLittle(short)}</li> : null}
      </ul>
    </div>
  );
}

/** How much space the memory lacks where it would be kept. */
export function shortBy({ kind }: Pick<TakeWish, 'kind'>, forecast: SnapshotForecast | undefined): number {
  if (!kindFields(kind).memory || forecast === undefined) return 0;
  return Math.max(0, (forecast.memoryBytes ?? 0) - forecast.storage.free);
}

function costLines({ kind, disks }: TakeWish, forecast: SnapshotForecast | undefined): string[] {
  const { take } = words.snapshots;
  const fields = kindFields(kind);
  const free = forecast === undefined ? '' : `; ${take.free(forecast.storage.free)}`;
  const memory =
    fields.memory && forecast !== undefined && forecast.memoryBytes !== null
      ? [take.memoryFile(forecast.memoryBytes, fields.kind === 'internal')]
      : [];
  const layers = fields.kind === 'internal' ? take.tags(disks.length) : take.overlays(disks.length);
  return [...memory, `${layers}${free}`];
}

function worthLines(vm: Vm, { kind, quiesce }: TakeWish): string[] {
  const { take } = words.snapshots;
  const fields = kindFields(kind);
  if (!isLive(vm.state)) return [take.offline];
  const how = vm.state === 'paused' ? take.paused : fields.kind === 'internal' ? take.stops : take.live;
  if (fields.memory) return [how, take.exact];
  return [how, quiesce && mayQuiesce(vm, kind) ? take.frozen : take.crash];
}

import { demand, type HeaderReader, headerText, type Reading } from './header-reader.ts';
import type { HeaderSnapshot } from './image-header.types.ts';

export interface SnapshotTable {
  readonly offset: number;
  readonly count: number;
  readonly clusterSize: number;
}

const fixedBytes = 40;
const maxExtraBytes = 1024;
const maxTableBytes = 512 * 1024;

const vmState = (entry: Buffer, extra: Buffer): bigint =>
  extra.length >= 8 ? extra.readBigUInt64BE(0) : BigInt(entry.readUInt32BE(32));

/** Sizes inside a snapshot are only shown: a wild one is shown as what still counts exactly. */
const shown = (value: bigint): number => Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? 0n : value);

/** Internal snapshots, in the order of the table. */
export function* readQcow2Snapshots(reader: HeaderReader, table: SnapshotTable): Reading<HeaderSnapshot[]> {
  // With no snapshots QEMU still checks that the place is aligned.
  demand(table.offset % table.clusterSize === 0, 'damaged-header', 'The snapshot table is misplaced.');
  if (table.count === 0) return [];
  const bytes = yield* reader.upTo(table.offset, maxTableBytes);
  const snapshots: HeaderSnapshot[] = [];
  let at = 0;
  for (let index = 0; index < table.count; index += 1) {
    demand(at + fixedBytes <= bytes.length, 'truncated', 'The snapshot table is cut off.');
    const entry = bytes.subarray(at, at + fixedBytes);
    const idLength = entry.readUInt16BE(12);
    const nameLength = entry.readUInt16BE(14);
    const extraLength = entry.readUInt32BE(36);
    demand(extraLength <= maxExtraBytes, 'damaged-header', 'The snapshot table is damaged.');
    const extraEnd = at + fixedBytes + extraLength;
    const end = extraEnd + idLength + nameLength;
    demand(end <= bytes.length, 'truncated', 'The snapshot table is cut off.');
    const extra = bytes.subarray(at + fixedBytes, extraEnd);
    snapshots.push({
      id: headerText(bytes.subarray(extraEnd, extraEnd + idLength)) ?? '?',
      tag: headerText(bytes.subarray(extraEnd + idLength, end)) ?? '?',
      dateSeconds: entry.readUInt32BE(16),
      vmStateSize: shown(vmState(entry, extra)),
      l1: { offset: shown(entry.readBigUInt64BE(0)), entries: entry.readUInt32BE(8) },
      diskSize: extra.length >= 16 ? shown(extra.readBigUInt64BE(8)) : null,
    });
    at = Math.ceil(end / 8) * 8;
  }
  return snapshots;
}

import { openForReading } from './open-for-reading.ts';
import { readImageHeader } from './read-image-header.ts';

/** Where the L2 table lies; the bits around it say whether it is shared. */
const placeMask = 0x00ff_ffff_ffff_fe00n;
/** Of a virtual disk far larger than any. */
const maxEntries = 4 * 1024 ** 2;

/**
 * Whether a qcow2 image still reads what its internal snapshot shows, because nothing was written since: a write first
 * copies the table that it needs, and the L1 table then says so. Null: it cannot be told.
 */
export const isUnchangedSince = async (path: string, tag: string): Promise<boolean | null> => {
  const { handle } = await openForReading(path);
  try {
    const { qcow2, virtualSize } = await readImageHeader(handle);
    const snapshot = qcow2?.snapshots.find((known) => known.tag === tag);
    if (qcow2 === undefined || snapshot === undefined) return null;
    if ((snapshot.diskSize ?? virtualSize) !== virtualSize) return false;
    const clusterSize = 2 ** qcow2.clusterBits;
    const mapped = clusterSize * (clusterSize / (qcow2.extendedL2 ? 16 : 8));
    const entries = Math.ceil(virtualSize / mapped);
    if (entries > Math.min(maxEntries, qcow2.l1.entries, snapshot.l1.entries)) return null;
    const [now, then] = await Promise.all(
      [qcow2.l1.offset, snapshot.l1.offset].map(async (offset) => {
        const buffer = Buffer.alloc(entries * 8);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
        return bytesRead === buffer.length ? buffer : null;
      }),
    );
    if (now == null || then == null) return null;
    for (let at = 0; at < entries * 8; at += 8)
      if ((now.readBigUInt64BE(at) & placeMask) !== (then.readBigUInt64BE(at) & placeMask)) return false;
    return true;
  } finally {
    await handle.close();
  }
};

import { type ExtentList, RangeCollector, type Ranges } from '@strata/backing-chain';

export interface Content {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** The grain of the answer: a sector, the least that a guest writes. */
const grain = 512;
const chunk = 1024 ** 2;

/** Where two buffers of one length differ, by halving: equal halves cost one comparison each. */
const collect = (found: RangeCollector, at: number, one: Buffer, other: Buffer): void => {
  if (one.equals(other)) return;
  if (one.length <= grain) {
    found.add(at, at + one.length);
    return;
  }
  const middle = Math.ceil(one.length / 2 / grain) * grain;
  collect(found, at, one.subarray(0, middle), other.subarray(0, middle));
  collect(found, at + middle, one.subarray(middle), other.subarray(middle));
};

/** Reads both where they can differ, and nowhere else. What only the longer one has counts as different. */
export const compareContents = async (
  one: Content,
  other: Content,
  where: ExtentList,
  progress: (done: number) => void,
): Promise<Ranges> => {
  const found = new RangeCollector();
  const shorter = Math.min(one.size, other.size);
  let done = 0;
  for (const [start, length] of where) {
    // From the beginning of a sector, so that the answer is in whole ones.
    const end = start + length;
    for (let at = Math.floor(start / grain) * grain; at < end; at += chunk) {
      const upTo = Math.min(at + chunk, Math.ceil(end / grain) * grain);
      const common = Math.min(upTo, shorter);
      if (common > at) {
        const [left, right] = await Promise.all([one.read(at, common - at), other.read(at, common - at)]);
        collect(found, at, left, right);
      }
      found.add(Math.max(at, shorter), Math.min(upTo, Math.max(one.size, other.size)));
      done += Math.min(upTo, end) - Math.max(at, start);
      progress(done);
    }
  }
  return found.finish();
};

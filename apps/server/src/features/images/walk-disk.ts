import { setImmediate as breathe } from 'node:timers/promises';
import { countWithin, type HeldLayer, type SeenLayer, seenThrough } from '@strata/backing-chain';

/** So many pieces are looked at in a few milliseconds. */
const piecesAtOnce = 20_000;
const narrowest = 1024 ** 2;

/** The disk from `start` to `end` in windows of at most so many pieces of all layers together. */
function* windowsOf(
  chain: readonly HeldLayer[],
  start: number,
  end: number,
): Generator<readonly [start: number, end: number]> {
  const count = chain.reduce((sum, { own }) => sum + countWithin(own, start, end), 0);
  if (count <= piecesAtOnce || end - start <= narrowest) return yield [start, end];
  const middle = Math.floor((start + end) / 2);
  yield* windowsOf(chain, start, middle);
  yield* windowsOf(chain, middle, end);
}

/** Who provides what, window by window from the first byte on; between two of them others get their turn. */
export const walkDisk = async (
  chain: readonly HeldLayer[],
  start: number,
  end: number,
  visit: (seen: readonly SeenLayer[]) => void,
): Promise<void> => {
  for (const window of windowsOf(chain, start, end)) {
    visit(seenThrough(chain, ...window));
    await breathe();
  }
};

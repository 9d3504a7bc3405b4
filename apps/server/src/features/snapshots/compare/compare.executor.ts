import { ColumnDrawing, lengthOf, type Ranges, totalLength } from '@strata/backing-chain';
import type { Comparison } from '@strata/contract';
import { type ContentFile, readingContent } from '../../../qemu/read-content.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { Executor } from '../../operations/operations.types.ts';
import { type Content, compareContents } from './compare-contents.ts';
import { type Place, whereTheyDiffer } from './where-they-differ.ts';

export interface CompareRun {
  readonly from: string;
  readonly to: string;
  readonly diskId: string;
  readonly images: readonly [from: string, to: string];
  /** The numbers of internal snapshots inside them; null, or left out by a former version: what they show now. */
  readonly snapshots?: readonly [from: string | null, to: string | null];
  readonly virtualSize: number;
}

/** As many as a wide screen can show. */
const columns = 2048;

/** What a screen can show of the regions; the sum is of all of them. */
export const told = (
  ranges: Ranges,
  virtualSize: number,
  wide: number,
): Pick<Comparison, 'regions' | 'regionsHeld' | 'differingBytes'> => {
  const drawing = new ColumnDrawing(0, Math.max(1, virtualSize), wide);
  drawing.add(ranges);
  const { extents, held } = drawing.finish();
  return {
    differingBytes: lengthOf(ranges),
    regions: extents.map(([start, length]): [number, number] => [start, length]),
    ...(held === null ? {} : { regionsHeld: [...held] }),
  };
};

/** A tag of a disk that has grown since is read as if it had its size of today. */
const upTo = (content: Content, most: number): Content => ({
  size: Math.min(content.size, most),
  read: (offset, length) => content.read(offset, length),
});

/** Reads only: begun anew after a crash, it finds the same. */
export const compareExecutor = (deps: {
  readonly images: Pick<ImagesService, 'checkedChain' | 'facts' | 'forest' | 'allocation'>;
  readonly runDir: string;
}): Executor<CompareRun, Record<string, never>> => ({
  kind: 'snapshot-compare',
  run: async (context) => {
    const { from, to, diskId, images, snapshots = [null, null], virtualSize } = context.request;
    const places = [
      { imageId: images[0], snapshot: snapshots[0] },
      { imageId: images[1], snapshot: snapshots[1] },
    ] as const;
    const open = async ({ imageId, snapshot }: Place): Promise<ContentFile> => {
      const [top] = await deps.images.checkedChain(imageId);
      if (top === undefined) throw new Error('an image without a chain');
      return { path: top.path, format: top.format, snapshot };
    };
    const [one, other] = [await open(places[0]), await open(places[1])];
    const { extents: where, sizes } = await whereTheyDiffer(deps.images, places);
    const total = totalLength(where);
    const how = { runDir: deps.runDir, signal: context.cancelled };
    context.step(0);
    const found = await readingContent(one, how, (left) =>
      readingContent(other, how, (right) =>
        compareContents(upTo(left, sizes[0]), upTo(right, sizes[1]), where, (done) => {
          context.cancelled.throwIfAborted();
          context.progress(done, total);
        }),
      ),
    );
    const result: Comparison = {
      ...{ from: from as Comparison['from'], to: to as Comparison['to'], diskId, virtualSize, exact: true },
      ...told(found, virtualSize, columns),
    };
    return { ...result };
  },
});

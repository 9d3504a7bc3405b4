import { ColumnDrawing, lengthOf, type Ranges, totalLength } from '@strata/backing-chain';
import type { Comparison, ImageFormat } from '@strata/contract';
import { readingContent } from '../../../qemu/read-content.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { Executor } from '../../operations/operations.types.ts';
import { compareContents } from './compare-contents.ts';
import { whereTheyDiffer } from './where-they-differ.ts';

export interface CompareRun {
  readonly from: string;
  readonly to: string;
  readonly diskId: string;
  readonly images: readonly [from: string, to: string];
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

/** Reads only: begun anew after a crash, it finds the same. */
export const compareExecutor = (deps: {
  readonly images: Pick<ImagesService, 'checkedChain' | 'forest' | 'allocation'>;
  readonly runDir: string;
}): Executor<CompareRun, Record<string, never>> => ({
  kind: 'snapshot-compare',
  run: async (context) => {
    const { from, to, diskId, images, virtualSize } = context.request;
    const open = async (id: string): Promise<{ path: string; format: ImageFormat }> => {
      const [top] = await deps.images.checkedChain(id);
      if (top === undefined) throw new Error('an image without a chain');
      return { path: top.path, format: top.format };
    };
    const [one, other] = [await open(images[0]), await open(images[1])];
    const where = await whereTheyDiffer(deps.images, images);
    const total = totalLength(where);
    const how = { runDir: deps.runDir, signal: context.cancelled };
    context.step(0);
    const found = await readingContent(one, how, (left) =>
      readingContent(other, how, (right) =>
        compareContents(left, right, where, (done) => {
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

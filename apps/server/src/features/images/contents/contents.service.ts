import type { DiskContents, ImageContents } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { demandUnwritten } from '../demand-unwritten.ts';
import { createExclusive } from '../exclusive.ts';
import { wasReadLater } from '../image-record.ts';
import type { ImagesFeature } from '../images.service.ts';
import { layerFacts } from './layer-facts.ts';
import { readDisk } from './read-disk.ts';

export interface ContentsService {
  /** What the disk holds that the image shows. Throws why it cannot be looked at. */
  disk(id: string): Promise<DiskContents>;
  /** Every layer as its file says, and the disk, or why it cannot be looked at. */
  contents(id: string): Promise<ImageContents>;
  /** For tests: how often a disk was really read. */
  readonly reads: { readonly count: number };
}

interface ContentsDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly runDir: string;
}

const patienceMs = 20_000;
const mostRemembered = 200;
const advice =
  'What it holds changes all the time, and is not looked at. Shut the VM down, or take a snapshot: that freezes this layer, and it can be looked at.';

interface ChainState {
  /** Which files in which state. */
  readonly key: string;
  /** So long at rest that the same key means the same bytes. */
  readonly isAtRest: boolean;
}

/** Reads, and touches nothing. What was read is remembered until a file of the chain changes. */
export const createContentsService = ({ library, runDir }: ContentsDeps): ContentsService => {
  const { images, access } = library;
  const inTurn = createExclusive();
  const remembered = new Map<string, { readonly key: string; readonly disk: DiskContents }>();
  const reads = { count: 0 };

  const stateOf = async (id: string): Promise<ChainState> => {
    const members = (await images.checkedChain(id)).map((member) => access.world.record(member.id));
    const state = members.map(({ path, format, identity, facts }) => [
      ...[path, format, identity.device, identity.inode, identity.size, identity.mtimeNs],
      facts.changedNs ?? null,
    ]);
    return { key: JSON.stringify(state), isAtRest: members.every(wasReadLater) };
  };

  const remember = (id: string, key: string, disk: DiskContents): void => {
    remembered.delete(id);
    remembered.set(id, { key, disk });
    const [oldest] = remembered.keys();
    if (remembered.size > mostRemembered && oldest !== undefined) remembered.delete(oldest);
  };

  const look = async (id: string): Promise<DiskContents> => {
    const before = await stateOf(id);
    const image = images.get(id);
    await demandUnwritten(images.forest(), image, advice);
    const known = remembered.get(id);
    if (known?.key === before.key) return known.disk;
    reads.count += 1;
    const disk = await readDisk(image, { runDir, signal: AbortSignal.timeout(patienceMs) });
    // Nothing was locked: somebody may have begun to write, and then this was half of one state and half of another.
    const after = await stateOf(id);
    if (after.key !== before.key)
      throw new AppError(
        'image-in-use',
        `The files of “${image.name}” were written while they were read. Look again.`,
      );
    await demandUnwritten(images.forest(), image, advice);
    if (after.isAtRest) remember(id, after.key, disk);
    return disk;
  };

  /** One after the other: a page that shows many images must not start as many processes. */
  const disk = (id: string): Promise<DiskContents> =>
    inTurn(() => look(id)).catch((error: unknown) => {
      const isLate = error instanceof Error && error.name === 'TimeoutError';
      if (!isLate) throw error;
      const { name } = images.facts(id);
      throw new AppError(
        'image-unreadable',
        `“${name}” could not be read within ${patienceMs / 1000} seconds.`,
      );
    });

  return {
    disk,
    reads,
    contents: async (id) => {
      const { layers } = images.chain(id);
      const found = await disk(id).then(
        (told) => ({ disk: told, unread: null }),
        (error: unknown) => {
          if (error instanceof AppError) return { disk: null, unread: error.message };
          throw error;
        },
      );
      return { imageId: id, layers: await Promise.all(layers.map(layerFacts)), ...found };
    },
  };
};

import { internalName } from '@strata/backing-chain';
import type { ExtractImage, Image, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { demandUnwritten } from '../demand-unwritten.ts';
import type { NewFileWish } from '../new-files.ts';
import { tagNamed } from '../readable-tag.ts';
import type { ImageWorkDeps } from './image-work.service.ts';

/** What an internal snapshot shows, through the backing of its layer, becomes an image of its own. */
export const extractImage = async (
  deps: ImageWorkDeps,
  image: Image,
  { tag, name, folder }: ExtractImage,
  lookedAt: number,
): Promise<Operation> => {
  const { images, newFiles } = deps.library;
  const snapshot = tagNamed(image.name, image.internalSnapshots, tag);
  const chain = await images.checkedChain(image.id);
  await demandUnwritten(
    images.forest(),
    image,
    'Shut it down, or take an external snapshot of it, which freezes that layer; then the internal one can be extracted.',
  );
  const [taint] = image.problems.filter(({ code }) => code === 'tainted');
  if (taint !== undefined)
    throw new AppError('plan-blocked', `${taint.message} ${taint.repair ?? ''}`.trim(), {
      blockers: [{ code: 'tainted', message: taint.message }],
    });
  const wish: NewFileWish = {
    ...{ imageId: image.id, kind: 'content', name, folder, tag: newId() },
    snapshot: snapshot.id,
  };
  await newFiles.place(wish);
  const forest = images.forest();
  const called = internalName(forest, image.id, snapshot.tag);
  // It must not begin to write what is being read.
  const active = forest.disks.filter((disk) => disk.imageId === image.id).map(({ vmId }) => vmId);
  const stored = chain.reduce((bytes, layer) => bytes + layer.allocatedSize, 0);
  const bytes = Math.min(stored, image.virtualSize);
  return deps.operations.start({
    kind: 'image-copy',
    title: `Extract “${called}” from “${image.name}” as “${name}”`,
    request: { wish, bytes },
    journal: { phase: 'new', file: null },
    steps: [
      `Copy what “${called}” shows${chain.length > 1 ? ` through ${chain.length} layers` : ''}, and compare`,
      'Take the new image into the library',
    ],
    subjects: [{ kind: 'image', id: image.id, name: image.name }],
    locks: { images: [], reads: chain.map(({ id }) => id), vms: active },
    unit: 'bytes',
    total: bytes,
    cancelNote: 'What was copied so far is removed; the snapshot is not touched.',
    lookedAt,
  });
};

import type { Forest } from '@strata/backing-chain';
import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';

type ImageTag = Image['internalSnapshots'][number];

/** The one that a name means; a number, too, where the name is given twice. */
export const tagNamed = <Tag extends Pick<ImageTag, 'id' | 'tag'>>(
  name: string,
  known: readonly Tag[],
  tag: string,
): Tag => {
  const named = known.filter((snapshot) => snapshot.tag === tag);
  const [found = known.find(({ id }) => id === tag), second] = named;
  if (found === undefined) throw new AppError('not-found', `“${name}” holds no internal snapshot “${tag}”.`);
  if (second === undefined) return found;
  const numbers = named.map(({ id }) => id).join(', ');
  throw new AppError(
    'not-possible',
    `“${name}” holds “${tag}” more than once. Say which by its number: ${numbers}.`,
  );
};

/**
 * The tables of a file lag behind what a QEMU that writes it has in memory. A frozen layer below a running VM is read
 * like any other.
 */
export const demandUnwritten = async (
  forest: Forest,
  image: Pick<Image, 'id' | 'name' | 'path'>,
): Promise<void> => {
  const writer = forest.disks.find((disk) => disk.running && disk.imageId === image.id);
  if (writer !== undefined)
    throw new AppError(
      'image-in-use',
      `The running VM “${writer.vmName}” writes “${image.name}”. Shut it down, or take an external snapshot of it, which freezes that layer; then what is inside it can be read.`,
      { usedBy: [{ kind: 'vm', id: writer.vmId, name: writer.vmName }] },
    );
  const holder = await lockHolder(image.path);
  const frozen = [...forest.layers.values()].some(({ backingId }) => backingId === image.id);
  if (holder !== null && !frozen) throw new AppError('image-locked', openWords(holder, image));
};

import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';

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

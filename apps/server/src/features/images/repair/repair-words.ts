import type { ImageRepair } from '@strata/contract';
import type { ImageRecord } from '../image-record.ts';
import type { ImageWorld } from '../image-world.ts';
import type { Lost } from './evidence.ts';

const listed = (names: readonly string[]): string => names.map((name) => `“${name}”`).join(' → ');

/** The members of the circle that an image is part of, in the order of their links; empty: there is none. */
export const ringOf = (world: ImageWorld, id: string): ImageRecord[] => {
  const ring: ImageRecord[] = [];
  for (let at: string | null = id; at !== null && !ring.some((member) => member.id === at); ) {
    const { state, backingId } = world.relation(at);
    if (state !== 'cycle') return [];
    ring.push(world.record(at));
    at = backingId;
  }
  return ring;
};

/** Which link of a circle is the wrong one cannot be known; the oldest file was made before the others. */
const ringWords = (ring: readonly ImageRecord[], id: string): string => {
  const [first, ...rest] = ring;
  if (first === undefined) return '';
  const circle = `The circle: ${listed([...ring, first].map(({ name }) => name))}. One of these links is wrong. `;
  const oldest = rest.reduce(
    (old, each) => (BigInt(each.facts.bornNs) < BigInt(old.facts.bornNs) ? each : old),
    first,
  );
  return oldest.id === id
    ? `${circle}This is the oldest of them, so it was probably the base: its link is the one to cut. `
    : `${circle}“${oldest.name}” is the oldest of them and was probably the base: rather cut the link there. `;
};

/** What pointing the link elsewhere means, by why it cannot be followed now. */
export const relinkWords = (state: Lost['state']): Pick<ImageRepair, 'title' | 'means'> => {
  const only = 'Only the link in its header is written.';
  if (state === 'cycle')
    return {
      title: 'Point it to what it stood on before',
      means: `${only} It shows what it showed before the circle if it stood on that file then.`,
    };
  if (state === 'missing')
    return {
      title: 'Point it to where its backing is now',
      means: `${only} It shows what it showed if that file holds what the lost one held.`,
    };
  return {
    title: 'Point it to a file of the library',
    means: `${only} It shows the same as before if that file holds what the one outside holds.`,
  };
};

/** What cutting a link means. */
export const cutWords = (world: ImageWorld, { id, name, facts }: ImageRecord, overlays: number): string => {
  const above = overlays === 0 ? '' : ` What stands on it (${overlays}) then reads these zeros, too.`;
  const was = facts.backing === null ? '' : ` The operation notes what it said (${facts.backing.string}).`;
  return `${ringWords(ringOf(world, id), id)}“${name}” then stands on nothing: it shows what it holds itself, and zeros everywhere else.${above}${was}`;
};

import { macsOfOthers } from './vm-changes.ts';
import { freshMac } from './vm-definition.ts';
import { type Forward, forwardsOf, meets } from './vm-ports.ts';
import type { StoredDefinition } from './vm-record.types.ts';
import type { VmsContext } from './vms.context.ts';

const isThere = (context: VmsContext, imageId: string | null): boolean => {
  try {
    return imageId === null || context.images.facts(imageId).present;
  } catch {
    return false;
  }
};

/** Its own identity on the network; it does not start by itself, since the original does. */
const ofItsOwn = (context: VmsContext, id: string, definition: StoredDefinition): StoredDefinition => {
  const taken = macsOfOthers(context, null);
  const nics = definition.nics.map((nic, position) => {
    const mac = freshMac(`${id}/${position}`, taken);
    taken.add(mac);
    return { ...nic, mac };
  });
  // A floppy is written by its VM: two cannot share it.
  const media = definition.media.map((medium) =>
    medium.kind === 'floppy' || !isThere(context, medium.imageId) ? { ...medium, imageId: null } : medium,
  );
  return { ...definition, nics, media, autostart: false };
};

export interface CopiedDefinition {
  readonly definition: StoredDefinition;
  /** Port forwards that another VM has, in words: a port of the host leads to one VM. */
  readonly leftOut: readonly string[];
}

/** A VM with this id that is like another one, beside it. */
export const copiedDefinition = (
  context: VmsContext,
  id: string,
  like: StoredDefinition,
): CopiedDefinition => {
  const definition = ofItsOwn(context, id, like);
  const taken = context.repository.all().flatMap(forwardsOf);
  const isShared = (forward: Forward): boolean => taken.some((other) => meets(forward, other));
  const leftOut = forwardsOf({ definition })
    .filter(isShared)
    .map(({ protocol, hostPort }) => `${hostPort} (${protocol})`);
  const nics = definition.nics.map((nic) => ({
    ...nic,
    forwards: nic.forwards.filter((forward) => !isShared(forward)),
  }));
  return { definition: { ...definition, nics }, leftOut };
};

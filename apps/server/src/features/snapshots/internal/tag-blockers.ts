import { type Blocker, chainIds, type Forest, internalName, standsOn } from '@strata/backing-chain';
import { readTags } from '../../../qemu/image-tags.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { TaggedDisk } from './tagged-layers.ts';

const extraction = 'Extract it as a new image instead.';

/**
 * Why the layers of a tag may not be changed under it: qcow2 goes back, and forgets a tag, in the file itself, and
 * whatever stands on that file would read something else or lose what it needs.
 */
export const frozenBlockers = (
  forest: Forest,
  disks: readonly TaggedDisk[],
  vmId: string,
  instead = extraction,
): readonly Blocker[] =>
  disks.flatMap(({ imageId }): Blocker[] => {
    const name = forest.layers.get(imageId)?.name ?? imageId;
    const standing = standsOn(forest, imageId).filter(
      ({ kind, subject }) =>
        kind !== 'internal-snapshot' && kind !== 'operation' && (kind !== 'disk' || subject.id !== vmId),
    );
    if (standing.length === 0) return [];
    return [
      {
        code: 'internal-frozen',
        message: `“${name}” is frozen: ${standing.map(({ words }) => words).join(' ')} It would change under them. ${instead}`,
        subjects: standing.map(({ subject }) => subject),
      },
    ];
  });

/** While a VM is suspended, nobody writes to the files that its memory waits for. */
export const suspendedBlockers = (forest: Forest, ids: readonly string[]): readonly Blocker[] =>
  forest.disks
    .filter(({ suspended, imageId }) => suspended && ids.includes(imageId))
    .map(({ vmId, vmName, imageId }) => ({
      code: 'vm-suspended',
      message: `“${forest.layers.get(imageId)?.name ?? imageId}” is frozen while the VM “${vmName}” is suspended: its memory waits for exactly these disks. Resume it first, or forget its memory.`,
      subjects: [{ kind: 'vm', id: vmId, name: vmName }],
    }));

/** A layer that is about to be merged may lose its tags while nobody reads it: a second program must not write under a QEMU. */
export const readBlockers = (forest: Forest, disks: readonly TaggedDisk[]): readonly Blocker[] =>
  disks.flatMap(({ imageId }): Blocker[] => {
    const name = forest.layers.get(imageId)?.name ?? imageId;
    const readers = forest.disks.filter(
      (disk) => disk.running && disk.imageId !== imageId && chainIds(forest, disk.imageId).includes(imageId),
    );
    if (readers.length === 0) return [];
    const names = [...new Set(readers.map(({ vmName }) => `“${vmName}”`))].join(', ');
    return [
      {
        code: 'internal-frozen',
        message: `“${name}” is frozen, and read by the running VM ${names}: an internal snapshot inside it can go when that is shut down. Until then forget its name, or leave it out.`,
        subjects: readers.map(({ vmId, vmName }) => ({ kind: 'vm', id: vmId, name: vmName })),
      },
    ];
  });

/** Only what the VM writes can go back in place. */
export const inactiveBlockers = (
  forest: Forest,
  disks: readonly TaggedDisk[],
  vmId: string,
): readonly Blocker[] =>
  disks.flatMap(({ diskId, imageId }): Blocker[] => {
    const active = forest.disks.find((disk) => disk.vmId === vmId && disk.diskId === diskId);
    if (active === undefined || active.imageId === imageId) return [];
    const [layer, now] = [imageId, active.imageId].map((id) => forest.layers.get(id)?.name ?? id);
    return [
      {
        code: 'not-active',
        message: `The snapshot lies in “${layer}”, and the disk writes “${now}” now. Let the VM continue on “${layer}” first, or extract the snapshot as a new image.`,
        subjects: [{ kind: 'image', id: imageId, name: layer ?? imageId }],
      },
    ];
  });

/** Other tools delete tags, and give one name twice; QEMU takes a name that is a number for another one’s number. */
export const namingBlockers = async (
  images: Pick<ImagesService, 'facts' | 'forest'>,
  disks: readonly (TaggedDisk & { readonly tag: string })[],
): Promise<readonly Blocker[]> => {
  const blockers: Blocker[] = [];
  for (const { imageId, tag } of disks) {
    const { name, path } = images.facts(imageId);
    const known = await readTags(path);
    const reason = ambiguity(known, tag, internalName(images.forest(), imageId, tag));
    if (reason === null) continue;
    const code = known.some((one) => one.tag === tag) ? 'tag-ambiguous' : 'tag-missing';
    blockers.push({
      code,
      message: `“${name}” ${reason}`,
      subjects: [{ kind: 'image', id: imageId, name }],
    });
  }
  return blockers;
};

/** Why QEMU could not be told which one is meant; null: it can. */
export const ambiguity = (
  known: readonly { readonly id: string; readonly tag: string }[],
  tag: string,
  called = tag,
): string | null => {
  const own = known.filter((one) => one.tag === tag);
  if (own.length === 0)
    return `no longer holds “${called}”: another program has deleted it. Forget the snapshot.`;
  if (own.length > 1) return `holds “${called}” ${own.length} times, and QEMU knows them apart by nothing.`;
  if (known.some((one) => one.id === tag && one.tag !== tag))
    return `holds another internal snapshot whose number is “${tag}”, and QEMU would take that one.`;
  return null;
};

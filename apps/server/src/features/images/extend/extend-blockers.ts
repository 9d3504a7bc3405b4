import {
  type Forest,
  incompleteBlockers,
  type Standing,
  standsOn,
  suspendedBlockers,
  writableBlockers,
} from '@strata/backing-chain';
import type { Blocker, Image } from '@strata/contract';
import { lockHolder, openWords } from '../../../qemu/lock-holder.ts';
import { resizedFormats } from '../../../qemu/resize-image.ts';

const advice: Readonly<Partial<Record<string, string>>> = {
  overlay: 'It would read what it did not write. Extend in the layer on top, or flatten the overlay first.',
  snapshot: 'What a snapshot shows never changes. Extend in the layer on top of it.',
  media: 'Eject it first.',
  export: 'Stop that first.',
  inside: 'Close that first.',
  operation: 'Wait for it to end.',
  trash: 'Restore it, or delete it for good, first.',
} satisfies Partial<Record<Standing['kind'] | 'inside', string>>;

/** A snapshot inside the file stays as it is: qcow2 copies what is written. */
const standing = (forest: Forest, image: Image): Blocker[] =>
  standsOn(forest, image.id)
    .filter(({ kind }) => kind !== 'disk' && kind !== 'internal-snapshot')
    .map(({ kind, words, subject }) => ({
      code: `stands-${kind}`,
      message: `${words} ${advice[kind] ?? ''}`.trim(),
      subjects: [subject],
    }));

const running = ({ disks }: Forest, image: Image): Blocker[] =>
  disks
    .filter((use) => use.running && use.imageId === image.id)
    .map(({ vmId, vmName }) => ({
      code: 'vm-running',
      message: `The running VM “${vmName}” writes the disk. Shut it down first, or extend the file system from inside it.`,
      subjects: [{ kind: 'vm', id: vmId, name: vmName }],
    }));

const ofFile = (image: Image): Blocker[] => {
  const subjects = [{ kind: 'image' as const, id: image.id, name: image.name }];
  if (!resizedFormats.includes(image.format))
    return [
      {
        code: 'format',
        message: `Only raw and qcow2 images can grow, and so can what is in them. Convert “${image.name}” first.`,
        subjects,
      },
    ];
  const bad = image.problems.find(({ code }) => ['tainted', 'corrupt', 'check-errors'].includes(code));
  return bad === undefined
    ? []
    : [{ code: bad.code, message: `${bad.message} ${bad.repair ?? ''}`.trim(), subjects }];
};

/** Who needs the image to stay as it is: only what nothing stands on, and nobody has open, is written. */
export const extendBlockers = async (forest: Forest, image: Image): Promise<Blocker[]> => {
  const file = ofFile(image);
  if (file.length > 0) return file;
  const touch = { root: image.id, written: new Set([image.id]), relinked: [] };
  const general = [
    ...suspendedBlockers(forest, touch),
    ...writableBlockers(forest, [image.id]),
    ...incompleteBlockers(forest, 'what is written could change what another image shows.'),
  ];
  const found = [
    ...standing(forest, image),
    ...running(forest, image),
    ...general.map((blocker) => ({ ...blocker, subjects: [...blocker.subjects] })),
  ];
  if (found.length > 0) return found;
  const holder = await lockHolder(image.path);
  return holder === null ? [] : [{ code: 'image-locked', message: openWords(holder, image), subjects: [] }];
};

import {
  type Forest,
  incompleteBlockers,
  type Standing,
  standsOn,
  suspendedBlockers,
  writableBlockers,
} from '@strata/backing-chain';
import type { Blocker, Image } from '@strata/contract';
import { resizedFormats } from '../../../qemu/resize-image.ts';

/** The disk of a running VM that the image is the active layer of: its QEMU does it. */
export interface LiveDisk {
  readonly vmId: string;
  readonly vmName: string;
  readonly diskId: string;
}

export const liveDiskOf = ({ disks }: Forest, imageId: string): LiveDisk | null => {
  const disk = disks.find((use) => use.running && use.imageId === imageId);
  return disk === undefined ? null : { vmId: disk.vmId, vmName: disk.vmName, diskId: disk.diskId };
};

const advice: Readonly<Record<Exclude<Standing['kind'], 'disk'>, string>> = {
  overlay: 'It would read something else at its end. Resize the layer on top, or flatten the overlay first.',
  snapshot: 'What a snapshot shows never changes. Resize the layer on top of it.',
  'internal-snapshot': 'It has the size of its moment. Delete it, or extract it as an image, first.',
  media: 'Eject it first.',
  export: 'Stop that first.',
  operation: 'Wait for it to end.',
  trash: 'Restore it, or delete it for good, first.',
};

const standing = (forest: Forest, image: Image): Blocker[] =>
  standsOn(forest, image.id).flatMap((found): Blocker[] =>
    found.kind === 'disk'
      ? []
      : [
          {
            code: `stands-${found.kind}`,
            message: `${found.words} ${advice[found.kind]}`,
            subjects: [found.subject],
          },
        ],
  );

const cutUnderVm = ({ disks }: Forest, image: Image): Blocker[] =>
  disks
    .filter((use) => use.running && use.imageId === image.id)
    .map(({ vmId, vmName }) => ({
      code: 'vm-running',
      message: `The running VM “${vmName}” writes the disk, and would lose its end under its feet. Shut it down first.`,
      subjects: [{ kind: 'vm', id: vmId, name: vmName }],
    }));

const ofFile = (image: Image): Blocker[] => {
  const subjects = [{ kind: 'image' as const, id: image.id, name: image.name }];
  if (!resizedFormats.includes(image.format))
    return [
      {
        code: 'format',
        message: `QEMU cannot resize ${image.format} images. Convert “${image.name}” to qcow2 or raw, and resize that.`,
        subjects,
      },
    ];
  const bad = image.problems.find(({ code }) => ['tainted', 'corrupt', 'check-errors'].includes(code));
  if (bad !== undefined)
    return [{ code: bad.code, message: `${bad.message} ${bad.repair ?? ''}`.trim(), subjects }];
  return [];
};

/** Who needs the image to stay as it is: only what nothing stands on is resized. */
export const resizeBlockers = (forest: Forest, image: Image, shrinks: boolean): Blocker[] => {
  const file = ofFile(image);
  if (file.length > 0) return file;
  const touch = { root: image.id, written: new Set([image.id]), relinked: [] };
  const general = [
    ...suspendedBlockers(forest, touch),
    ...writableBlockers(forest, [image.id]),
    ...incompleteBlockers(forest, 'another size could change what another image shows.'),
  ];
  return [
    ...standing(forest, image),
    ...(shrinks ? cutUnderVm(forest, image) : []),
    ...general.map((blocker) => ({ ...blocker, subjects: [...blocker.subjects] })),
  ];
};

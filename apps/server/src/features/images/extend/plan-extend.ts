import { createHash } from 'node:crypto';
import type { Blocker, DiskContents, ExtendPlan, Image } from '@strata/contract';
import {
  type ExtendedPartition,
  type ExtendRefusal,
  extendLast,
  type PartitionTable,
} from '@strata/partition-table';
import { guestfishMissing, hasGuestfish } from '../../../qemu/tools/guestfs/appliance.ts';
import { type GrowingKind, grows } from '../../../qemu/tools/guestfs/grow-file-system.ts';
import { byteWords } from '../../chains/byte-words.ts';
import { readDisk } from '../contents/read-disk.ts';
import type { ImagesFeature } from '../images.service.ts';
import { diskTable } from '../resize/disk-table.ts';
import { extendBlockers } from './extend-blockers.ts';

/** What is to be done, without what only explains it. */
export interface ExtendTarget {
  /** Null: the file system lies on the disk itself. */
  readonly partition: number | null;
  /** Null: only the partition grows. */
  readonly fileSystem: GrowingKind | null;
}

export interface PlannedExtend {
  readonly plan: ExtendPlan;
  readonly target: ExtendTarget;
}

export interface ExtendPlanner {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly runDir: string;
}

const block = (code: string, message: string): Blocker => ({ code, message, subjects: [] });

const refusals: Readonly<Record<ExtendRefusal, (table: PartitionTable) => Blocker>> = {
  none: () =>
    block('no-partition', 'There is no partition on the disk, and no file system that could be extended.'),
  damaged: ({ problems }) =>
    block(
      'table-damaged',
      `${problems[0]?.message ?? 'The partition table cannot be read.'} Mend the table first.`,
    ),
  logical: () =>
    block(
      'logical-partition',
      'The last partition is a logical one: the extended partition around it would have to grow too, which is not done here. Do it inside the VM.',
    ),
  'no-room': () =>
    block('no-room', 'The last partition ends where the disk ends already. Make the disk larger first.'),
};

type FoundFileSystem = { readonly kind: string; readonly label: string | null; readonly size: number | null };

interface Found {
  readonly extended: ExtendedPartition | null;
  readonly content: FoundFileSystem | null;
  readonly blockers: readonly Blocker[];
}

/** A tenth of a percent, or what a file system keeps at its end: less is not worth a run. */
const worthwhile = (before: number, after: number): boolean =>
  after - before > Math.max(1024 ** 2, before / 1000);

const onWholeDisk = (whole: FoundFileSystem, size: number): Found => {
  const blockers = !grows(whole.kind)
    ? [block('unknown-file-system', `${whole.kind} is not a file system that is extended here.`)]
    : whole.size !== null && !worthwhile(whole.size, size)
      ? [block('no-room', 'The file system ends where the disk ends already. Make the disk larger first.')]
      : [];
  return { extended: null, content: whole, blockers };
};

const findTarget = (table: PartitionTable, disk: DiskContents, size: number): Found => {
  if (disk.whole !== null && table.partitions.length === 0) return onWholeDisk(disk.whole, size);
  const extended = extendLast(table, size);
  if (typeof extended === 'string')
    return { extended: null, content: null, blockers: [refusals[extended](table)] };
  const { number } = extended.before;
  const content = disk.items.find((item) => item.number === number)?.content ?? null;
  const blockers =
    content === null
      ? [
          block(
            'unknown-file-system',
            `What partition ${number} holds is not known, so nobody can say what a larger one would do to it.`,
          ),
        ]
      : [];
  return { extended, content, blockers };
};

const stepsOf = ({ extended, content }: Found): string[] => {
  const isGrown = content !== null && grows(content.kind);
  return [
    'All of it on a temporary overlay: the image is not touched until it is proved.',
    ...(extended === null
      ? []
      : [
          `Partition ${extended.before.number} from ${byteWords(extended.before.size)} to ${byteWords(extended.after.size)}${extended.before.kind === 'gpt' ? ', and the second copy of the table to the end of the disk' : ''}.`,
        ]),
    ...(isGrown
      ? [
          `The ${content.kind} file system${content.size === null ? '' : ` of ${byteWords(content.size)}`} as large as its place, by libguestfs in an appliance of its own.`,
        ]
      : []),
    isGrown
      ? 'Proof: the file system is checked, and holds the same files; the table reads as planned.'
      : 'Proof: the table reads as planned.',
    'Then what is on the overlay is written into the image. Whatever interrupts that, it is finished at the next start before anything else uses the image.',
  ];
};

const notesOf = (image: Image, { content }: Found): string[] => [
  ...(content !== null && !grows(content.kind)
    ? [`Only the partition grows: ${content.kind} is not extended here. Extend it inside the VM.`]
    : []),
  ...(content?.kind === 'ntfs'
    ? ['Windows checks the file system at its next start; that is its way after such a change.']
    : []),
  ...(image.checksums.length > 0 ? ['The checksum of the file is void afterwards.'] : []),
];

/** Looks and touches nothing. The image has just been read. */
export const planExtend = async (
  { library: { images, access }, runDir }: ExtendPlanner,
  image: Image,
): Promise<PlannedExtend> => {
  const size = image.virtualSize;
  const general = await extendBlockers(images.forest(), image);
  const signal = new AbortController().signal;
  const nothing: Found = { extended: null, content: null, blockers: [] };
  const canRead = !general.some(({ code }) => ['vm-running', 'image-locked', 'format'].includes(code));
  const found = canRead
    ? findTarget(await diskTable(image, { runDir, signal }), await readDisk(image, { runDir, signal }), size)
    : nothing;
  const { extended, content } = found;
  const kind = content !== null && grows(content.kind) ? content.kind : null;
  const missing = kind !== null && !hasGuestfish() ? [block('tool-missing', guestfishMissing().message)] : [];
  const blockers = [...general, ...found.blockers, ...missing];
  const target: ExtendTarget = { partition: extended?.before.number ?? null, fileSystem: kind };
  const { identity } = access.world.record(image.id);
  const facts = [image.id, image.path, image.format, size, identity, target, extended?.after ?? null];
  return {
    target,
    plan: {
      fingerprint: createHash('sha256')
        .update(JSON.stringify([facts, blockers.map(({ code }) => code)]))
        .digest('base64url'),
      imageId: image.id,
      diskSize: size,
      partition:
        extended === null
          ? null
          : {
              ...{ number: extended.before.number, typeName: extended.before.typeName },
              ...{ before: extended.before.size, after: extended.after.size },
            },
      fileSystem:
        content === null
          ? null
          : {
              ...{ kind: content.kind, label: content.label, before: content.size },
              after: kind === null ? null : (extended?.after.size ?? size),
            },
      steps: blockers.length > 0 ? [] : stepsOf(found),
      notes: blockers.length > 0 ? [] : notesOf(image, found),
      blockers,
    },
  };
};

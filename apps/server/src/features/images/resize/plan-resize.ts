import { createHash } from 'node:crypto';
import type { Blocker, Image, ResizeImage, ResizePlan } from '@strata/contract';
import { lastPartition, type PartitionTable, partitionsEnd, smallestSize } from '@strata/partition-table';
import { lockHolder, openWords } from '../../../qemu/lock-holder.ts';
import { driverOf, mapImage } from '../../../qemu/qemu-img.ts';
import { shellWord } from '../../../shell-word.ts';
import { byteWords } from '../../chains/byte-words.ts';
import type { ImagesFeature } from '../images.service.ts';
import { diskTable } from './disk-table.ts';
import { type LiveDisk, liveDiskOf, resizeBlockers } from './resize-blockers.ts';
import { growOrder, shrinkOrder } from './resize-order.ts';

export interface PlannedResize {
  readonly plan: ResizePlan;
  readonly live: LiveDisk | null;
  /** The second copy of a GPT has to come to the new end before the cut. */
  readonly movesTable: boolean;
}

export interface ResizePlanner {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly runDir: string;
  /** The bus of a VM's disk. */
  busOf(live: LiveDisk): string | null;
}

export const wantedSize = (before: number, size: ResizeImage['size']): number =>
  typeof size === 'number' ? size : before + size.more;

const cutOff = async ({ path, format }: Image, after: number): Promise<number> => {
  const entries = await mapImage({ path, format });
  return entries
    .filter(({ data, zero, start, length }) => data && !zero && start + length > after)
    .reduce((sum, { start, length }) => sum + Math.min(length, start + length - after), 0);
};

const block = (code: string, message: string): Blocker => ({ code, message, subjects: [] });

const sizeBlockers = (plan: Pick<ResizePlan, 'before' | 'after'>, shrink: boolean | undefined): Blocker[] => {
  const { before, after } = plan;
  if (after === before) return [block('same-size', `The disk has ${byteWords(before)} already.`)];
  if (after > 64 * 1024 ** 4) return [block('too-large', 'A disk can have at most 64 TiB.')];
  if (after < before && shrink !== true)
    return [
      block(
        'shrink-not-asked',
        `The disk has ${byteWords(before)}: this would make it smaller, which cuts off its end. Say so in as many words (shrink).`,
      ),
    ];
  return [];
};

const cutBlockers = (image: Image, table: PartitionTable, after: number, plan: CutFacts): Blocker[] => {
  const smallest = smallestSize(table);
  const last = lastPartition(table);
  const unsure = table.problems.find(({ code }) => code !== 'backup-not-at-end' && code !== 'backup-damaged');
  if (unsure !== undefined)
    return [
      block('table-damaged', `${unsure.message} Nobody can say what would be cut off. Mend the table first.`),
    ];
  if (after < smallest && last !== null)
    return [
      block(
        'cuts-partition',
        `Partition ${last.number} ends at ${byteWords(last.offset + last.size)}${table.scheme === 'gpt' ? ', and the second copy of the table needs its place behind it' : ''}: the disk must keep at least ${byteWords(smallest)} (${smallest.toLocaleString('en')} bytes). Shrink the file system and the partition inside first.`,
      ),
    ];
  if (plan.needsConfirm && plan.confirm !== image.name)
    return [
      block(
        'cuts-data',
        `${byteWords(plan.cutBytes)} of data lie in what would be cut off, and no partition table tells whose they are. Write the name of the image (“${image.name}”) to confirm that nobody needs them.`,
      ),
    ];
  return [];
};

interface CutFacts {
  readonly cutBytes: number;
  readonly needsConfirm: boolean;
  readonly confirm: string | undefined;
}

const notesOf = (
  image: Image,
  plan: Pick<ResizePlan, 'before' | 'after' | 'cutBytes'>,
  table: PartitionTable | null,
  bus: string | null,
): string[] => [
  ...(bus === null
    ? []
    : [
        bus === 'virtio'
          ? 'The guest is told at once that its disk has grown.'
          : `A guest with a disk on ${bus} notices it when it looks again, at the latest at its next start.`,
      ]),
  ...(plan.cutBytes > 0 && table !== null && plan.after >= partitionsEnd(table)
    ? [`${byteWords(plan.cutBytes)} of data behind the last partition go, and cannot be brought back.`]
    : []),
  ...(plan.after > plan.before && image.backing !== undefined
    ? ['What is added reads as zeros, whatever the layers below hold there.']
    : []),
  ...(table?.problems ?? []).map(({ message }) => message),
];

const commandsOf = (
  { path, format }: Image,
  after: number,
  isShrink: boolean,
  live: LiveDisk | null,
): string[] =>
  live === null
    ? [`qemu-img resize -f ${driverOf(format)} ${isShrink ? '--shrink ' : ''}${shellWord(path)} ${after}`]
    : [`{"execute": "block_resize", "arguments": {"node-name": "<${live.diskId}>", "size": ${after}}}`];

/** What stands in the way apart from what the library knows: a program that has it open. */
const holderBlockers = async (image: Image, live: LiveDisk | null): Promise<Blocker[]> => {
  const holder = live === null ? await lockHolder(image.path) : null;
  return holder === null ? [] : [block('image-locked', openWords(holder, image))];
};

/** Looks and touches nothing. The image has just been read. */
export const planResize = async (
  planner: ResizePlanner,
  image: Image,
  wish: Pick<ResizeImage, 'size' | 'shrink' | 'confirm'>,
): Promise<PlannedResize> => {
  const { images, access } = planner.library;
  const forest = images.forest();
  const before = image.virtualSize;
  const after = wantedSize(before, wish.size);
  const isShrink = after < before;
  const live = liveDiskOf(forest, image.id);
  const general = [
    ...sizeBlockers({ before, after }, wish.shrink),
    ...resizeBlockers(forest, image, isShrink),
    ...(await holderBlockers(image, live)),
  ];
  const isReadable =
    live === null && !general.some(({ code }) => code === 'format' || code === 'image-locked');
  const signal = new AbortController().signal;
  const table = isReadable ? await diskTable(image, { runDir: planner.runDir, signal }) : null;
  const cutBytes = isShrink && table !== null ? await cutOff(image, after) : 0;
  const last = table === null ? null : lastPartition(table);
  const needsConfirm = isShrink && cutBytes > 0 && last === null;
  const cut =
    isShrink && table !== null
      ? cutBlockers(image, table, after, { cutBytes, needsConfirm, confirm: wish.confirm })
      : [];
  const blockers = [...general, ...cut];
  const movesTable = isShrink && table?.scheme === 'gpt';
  const { identity } = access.world.record(image.id);
  const state = live === null ? identity : [identity.device, identity.inode];
  const facts = [image.id, image.path, image.format, before, after, live, state, table?.partitions ?? null];
  const codes = blockers.map(({ code }) => code);
  const bus = live === null ? null : planner.busOf(live);
  const plan: ResizePlan = {
    fingerprint: createHash('sha256')
      .update(JSON.stringify([facts, codes]))
      .digest('base64url'),
    ...{ imageId: image.id, live: live !== null, before, after },
    table:
      table === null
        ? null
        : {
            ...{ scheme: table.scheme, sectorSize: table.sectorSize, partitions: [...table.partitions] },
            problems: table.problems.map(({ message }) => message),
          },
    partitionsEnd: table === null || table.partitions.length === 0 ? null : partitionsEnd(table),
    lastPartition: last,
    smallest: table === null ? null : smallestSize(table),
    ...{ cutBytes, needsConfirm },
    order: isShrink && table !== null ? shrinkOrder(table, last, after) : growOrder(table, last),
    notes: notesOf(image, { before, after, cutBytes }, table, bus),
    blockers,
    commands: commandsOf(image, after, isShrink, live),
  };
  return { plan, live, movesTable };
};

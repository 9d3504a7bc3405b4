import type { Problem } from '@strata/contract';
import type { BlockDevice } from './block-devices.ts';
import type { DeviceUse } from './device-uses.ts';

export interface Situation {
  readonly device: BlockDevice;
  readonly uses: readonly DeviceUse[];
  /** The operation of ours that works on it. */
  readonly busyWith: string | null;
  /** Of a loop device: why its file is not to be written. */
  readonly fileRefusal: string | null;
}

const mib = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

const noMedium = ({ identity, path, kind }: BlockDevice): Problem[] =>
  identity.size > 0
    ? []
    : [
        {
          code: 'no-medium',
          message: `There is nothing in ${path}.`,
          repair: kind === 'optical' ? 'Insert a disc.' : 'Insert a card or a disk.',
        },
      ];

const busy = (operation: string | null): Problem[] =>
  operation === null
    ? []
    : [{ code: 'operation-running', message: `“${operation}” works on it.`, repair: 'Wait for its end.' }];

const repairOf = ({ kind }: DeviceUse, { path }: BlockDevice): string | undefined => {
  if (kind === 'mounted')
    return `Unmount it first: in the file manager, or with udisksctl unmount -b and its partition (${path}…).`;
  if (kind === 'swap') return `Take it out of use first: sudo swapoff ${path}, or its partition.`;
  if (kind === 'held') return 'Close or stop that first (cryptsetup close, vgchange -an, mdadm --stop).';
  return kind === 'loop' ? 'Detach that first (losetup -d).' : undefined;
};
const problemOf = (use: DeviceUse, { device, uses }: Situation): Problem => {
  // Nobody takes the disk of the running system out of use.
  const isSystem = uses.some(({ kind }) => kind === 'system');
  const repair = isSystem ? undefined : repairOf(use, device);
  return {
    code: use.kind,
    message: `${device.path} is in use: it ${use.kind === 'system' || use.kind === 'strata' ? '' : 'is '}${use.words}.`,
    ...(repair === undefined ? {} : { repair }),
  };
};

/** What may change while it is read would be a copy of no moment at all. */
export const readRefusals = (situation: Situation): Problem[] => {
  const { device, uses, busyWith } = situation;
  const changing = uses.filter(
    ({ kind, readOnly }) => kind !== 'system' && kind !== 'strata' && kind !== 'loop' && !readOnly,
  );
  return [
    ...noMedium(device),
    ...changing.map((use) => {
      const { message, ...problem } = problemOf(use, situation);
      return {
        ...problem,
        message: `${message} What is written meanwhile would make a mixture of the copy.`,
      };
    }),
    ...busy(busyWith),
  ];
};

const unfit = ({ device, fileRefusal }: Situation, limit: number): Problem[] => {
  const { path, kind, removable, readOnly, identity } = device;
  const problems: Problem[] = [];
  const add = (code: string, message: string, repair?: string): void => {
    problems.push({ code, message, ...(repair === undefined ? {} : { repair }) });
  };
  if (kind === 'optical')
    add('optical', `${path} is an optical drive. Discs are burnt, and Strata does not do that.`);
  else if (!removable)
    add(
      'built-in',
      `${path} is built in. Strata writes only to what can be taken out: USB disks and sticks, memory cards, and loop devices.`,
    );
  if (readOnly && kind !== 'optical')
    add('read-only', `${path} is read-only.`, 'Look for a switch on the card or stick.');
  if (identity.size > limit)
    add(
      'too-large',
      `${path} has ${mib(identity.size)}, and more than ${mib(limit)} is taken for somebody’s storage.`,
      'If it really is the right one: start Strata with --device-write-limit and a larger size.',
    );
  if (fileRefusal !== null) add('file', fileRefusal);
  return problems;
};

export const writeRefusals = (situation: Situation, limit: number): Problem[] => {
  const { device, uses, busyWith } = situation;
  return [
    ...noMedium(device),
    ...unfit(situation, limit),
    ...uses.map((use) => problemOf(use, situation)),
    ...busy(busyWith),
  ];
};

import { byteWords } from '../chains/byte-words.ts';
import type { StoredDefinition, StoredDisk, VmHardware } from '../vms/vm-record.types.ts';

/** One thing a person would notice of the VM, as it was then and as it is now. */
export interface HardwareChange {
  readonly what: string;
  readonly then: string;
  readonly now: string;
}

const none = 'none';
const onOff = (value: boolean): string => (value ? 'on' : 'off');
const firmwares = { bios: 'BIOS', uefi: 'UEFI' } as const;
const accelerators = { auto: 'chosen by Strata', kvm: 'KVM', tcg: 'TCG' } as const;
const bootWords = { disk: 'disk', cdrom: 'CD-ROM', network: 'network', floppy: 'floppy' } as const;

/** Everything but network cards, drives and disks, of which there may be several. */
const plainParts: readonly (readonly [what: string, words: (of: StoredDefinition) => string])[] = [
  ['Processors', ({ cpus }) => String(cpus)],
  ['Memory', ({ memory }) => byteWords(memory)],
  ['Firmware', ({ firmware }) => firmwares[firmware]],
  ['Machine', ({ machine }) => machine],
  ['Accelerator', ({ accelerator }) => accelerators[accelerator]],
  ['Boot order', ({ boot }) => boot.order.map((device) => bootWords[device]).join(', ') || none],
  ['Boot menu', ({ boot }) => onOff(boot.menu)],
  [
    'Kernel',
    ({ kernel }) =>
      kernel === null ? none : [kernel.path, kernel.initrd ?? '', kernel.append].filter(Boolean).join(' '),
  ],
  ['Display', ({ display }) => display],
  ['Sound', ({ audio }) => audio],
  ['Serial ports', ({ serial }) => String(serial)],
  ['TPM', ({ tpm }) => onOff(tpm)],
  [
    'Network disks',
    ({ nbdDisks = [] }) =>
      nbdDisks
        .map(({ uri, bus, readOnly }) => [uri, bus, readOnly ? 'read-only' : 'written'].join(', '))
        .join('; ') || none,
  ],
  ['Further options', ({ extraArgs }) => extraArgs.join(' ') || none],
];

const nicWords = ({ mode, model, network, mac, forwards }: StoredDefinition['nics'][number]): string => {
  const ports = forwards.map(
    ({ protocol, hostAddress, hostPort, guestPort }) =>
      `${hostAddress}:${hostPort} to ${guestPort} (${protocol})`,
  );
  return [model, [mode, network].filter(Boolean).join(' '), mac, ...ports].join(', ');
};
const diskWords = ({ bus, cache, discard }: StoredDisk): string =>
  [bus, cache, ...(discard ? ['discard'] : [])].join(', ');

export interface DifferenceWords {
  /** The name of an image; null: it is gone. */
  imageName(imageId: string): string | null;
}

/** Rows of things that come in lists: what only one of both has is "none" in the other. */
const listed = <Item>(
  then: readonly Item[],
  now: readonly Item[],
  key: (item: Item) => string,
  name: (item: Item, position: number) => string,
  words: (item: Item) => string,
): HardwareChange[] => {
  const ofNow = new Map(now.map((item) => [key(item), item]));
  const had = new Set(then.map(key));
  const wordsOf = (item: Item | undefined): string => (item === undefined ? none : words(item));
  return [
    ...then.map((item, position) => ({
      what: name(item, position),
      then: words(item),
      now: wordsOf(ofNow.get(key(item))),
    })),
    ...now.flatMap((item, position) =>
      had.has(key(item)) ? [] : [{ what: name(item, position), then: none, now: words(item) }],
    ),
  ];
};

const plainRows = (then: StoredDefinition, now: StoredDefinition): HardwareChange[] =>
  plainParts.map(([what, words]) => ({ what, then: words(then), now: words(now) }));

/** What differs, in words that a person understands; the contents of the disks are not its subject. */
export const hardwareDifference = (
  then: VmHardware,
  now: VmHardware,
  { imageName }: DifferenceWords,
): HardwareChange[] => {
  const medium = ({ imageId }: StoredDefinition['media'][number]): string => {
    if (imageId === null) return 'empty';
    const name = imageName(imageId);
    return name === null ? 'empty: its image is gone' : `“${name}”`;
  };
  const [one, other] = [then.definition, now.definition];
  const ofDefinition = (): HardwareChange[] => [
    ...plainRows(one, other),
    ...listed(
      one.nics,
      other.nics,
      ({ id }) => id,
      (_, position) => `Network card ${position + 1}`,
      nicWords,
    ),
    ...listed(
      one.media,
      other.media,
      ({ slot }) => slot,
      ({ kind, slot }) => `${kind === 'cdrom' ? 'CD drive' : 'Floppy drive'} ${slot}`,
      medium,
    ),
  ];
  const same = JSON.stringify(one) === JSON.stringify(other);
  return [
    ...(same ? [] : ofDefinition()),
    ...listed(
      then.disks,
      now.disks,
      ({ id }) => id,
      ({ imageId }) => `Disk “${imageName(imageId) ?? imageId}”`,
      diskWords,
    ),
  ].filter((row) => row.then !== row.now);
};

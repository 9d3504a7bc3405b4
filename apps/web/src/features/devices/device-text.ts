import type { Device } from '@strata/contract';
import { words } from '../../lib/words.ts';

/** What it is, as its maker calls it, or else by its kind. */
const whatOf = ({ vendor, model, kind }: Device): string => {
  const made = [vendor, model].filter((text) => text !== null).join(' ');
  return made === '' ? words.devices.kinds[kind] : made;
};

export const titleOf = (device: Device): string =>
  device.size === 0
    ? words.devices.empty(device.path, whatOf(device))
    : words.devices.named(device.path, whatOf(device), device.size);

/** By what it is told from others, and what is on it. */
export const factsOf = (device: Device): string[] => {
  const { identity, partitions, file, readOnly, fileSystem, label, kind } = device;
  const { serial } = identity;
  const { devices } = words;
  const named = (what: Pick<Device, 'fileSystem' | 'label'>): string =>
    [what.label === null ? null : `“${what.label}”`, what.fileSystem]
      .filter((text) => text !== null)
      .join(', ') || devices.unknown;
  return [
    ...(serial === null ? (kind === 'disk' ? [devices.noSerial] : []) : [devices.serial(serial)]),
    ...(file === null ? [] : [devices.file(file)]),
    ...(readOnly && kind !== 'optical' ? [devices.readOnly] : []),
    ...(fileSystem === null && label === null ? [] : [named({ fileSystem, label })]),
    ...partitions.map((partition) => devices.partition(partition.number, named(partition), partition.size)),
  ];
};

import type { WriteDevicePlan } from '@strata/contract';
import type { BlockDevice, BlockPartition } from './block-devices.ts';

const shownDigits = 4;

/** What is typed must be read off the one device: of its serial number the end, which stands on many of them. */
const expected = ({ identity, name }: BlockDevice): { kind: 'serial' | 'name'; text: string } => {
  const { serial } = identity;
  return serial !== null && serial.length >= shownDigits
    ? { kind: 'serial', text: serial.slice(-shownDigits) }
    : { kind: 'name', text: name };
};

export const confirmationOf = (device: BlockDevice): WriteDevicePlan['confirmation'] => {
  const { kind } = expected(device);
  const words =
    kind === 'serial'
      ? `Type the last four characters of the serial number of ${device.path}.`
      : `${device.path} has no serial number: type its name, ${device.name}.`;
  return { kind, words };
};

export const isConfirmed = (device: BlockDevice, typed: string): boolean =>
  typed.trim().toLowerCase() === expected(device).text.toLowerCase();

const size = (bytes: number): string =>
  bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
const describe = (part: Pick<BlockPartition, 'path' | 'size' | 'fileSystem' | 'label'>): string => {
  const label = part.label === null ? '' : ` “${part.label}”`;
  return `${part.path}${label}: ${part.fileSystem ?? 'contents unknown'}, ${size(part.size)}`;
};

/** What is on it, as far as the host knows. */
export const losesOf = (device: BlockDevice): string[] => {
  const { path, identity, partitions, fileSystem, label } = device;
  if (partitions.length > 0) return partitions.map(describe);
  return [describe({ path, size: identity.size, fileSystem, label })];
};

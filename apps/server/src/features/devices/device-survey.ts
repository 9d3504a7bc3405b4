import type { Device, Problem } from '@strata/contract';
import { usualWriteLimit } from '../../config.ts';
import { type BlockDevice, type HostRoots, readBlockDevices } from './block-devices.ts';
import { accessRefusal } from './device-access.ts';
import type { DeviceClaims } from './device-claims.ts';
import { readRefusals, type Situation, writeRefusals } from './device-refusals.ts';
import { deviceOfNode, readDeviceTree } from './device-tree.ts';
import { type DeviceUse, usesOf } from './device-uses.ts';

export interface SurveyedDevice {
  readonly device: BlockDevice;
  readonly view: Device;
}

export interface Survey {
  readonly roots: HostRoots;
  /** The data folder, and the folders of the library. */
  readonly strata: readonly string[];
  isImage(path: string): Promise<boolean>;
  readonly claims: DeviceClaims;
  readonly writeLimit: number | null;
}

/** Whoever writes to a loop device writes into its file. */
const fileRefusal = async (
  { file, path }: BlockDevice,
  { strata, isImage }: Survey,
): Promise<string | null> => {
  if (file === null) return null;
  const node = await deviceOfNode(file);
  if (node !== null) return `${path} shows another device, ${file}. Choose that one.`;
  const isOurs = strata.some((folder) => file === folder || file.startsWith(`${folder}/`));
  return isOurs || (await isImage(file))
    ? `${path} shows ${file}, which belongs to Strata: an image is not overwritten by way of a device.`
    : null;
};

const viewOf = (
  device: BlockDevice,
  uses: readonly DeviceUse[],
  reading: Problem[],
  writing: Problem[],
): Device => {
  const { holders: _holders, partitions, ...facts } = device;
  return {
    ...facts,
    size: device.identity.size,
    partitions: partitions.map(({ majorMinor: _number, ...partition }) => partition),
    uses: uses.map(({ words }) => words),
    reading: { blockers: reading },
    writing: { blockers: writing },
  };
};

/** Every device of the host, what it is used for, and why it may not be read or written. */
export const surveyDevices = async (survey: Survey): Promise<SurveyedDevice[]> => {
  const { roots, strata, claims, writeLimit } = survey;
  const [devices, tree] = await Promise.all([readBlockDevices(roots), readDeviceTree(roots)]);
  return Promise.all(
    devices.map(async (device) => {
      const uses = await usesOf(device, devices, tree, { strata }, roots);
      const busyWith = claims.titleOf(device);
      const situation: Situation = { device, uses, busyWith, fileRefusal: await fileRefusal(device, survey) };
      const reading = readRefusals(situation);
      const writing = writeRefusals(situation, writeLimit ?? usualWriteLimit);
      // Rights are worth a word only where everything else is well.
      if (reading.length === 0) reading.push(...(await accessRefusal(device, 'read')));
      if (writing.length === 0) writing.push(...(await accessRefusal(device, 'write')));
      return { device, view: viewOf(device, uses, reading, writing) };
    }),
  );
};

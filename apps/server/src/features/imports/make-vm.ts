import { createVmBody, type DiskInput, type ImageFormat, type MediaInput } from '@strata/contract';
import type { OperationContext } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { ImportJournal, ImportRun } from './import.executor.ts';
import type { MappedVm, OvfDrive } from './ovf/vm-of-ovf.ts';

type Vms = Pick<VmsService, 'create' | 'list'>;
type ImageOf = (fileId: string) => { readonly id: string; readonly format: ImageFormat };

const freeName = (vms: Vms, wanted: string): string => {
  const taken = new Set(vms.list().map(({ name }) => name));
  const stem = wanted.slice(0, 90);
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${stem} ${number}`;
    if (!taken.has(name)) return name;
  }
};

/** Over every original lies an overlay: what was sent is never written. */
const diskOf = ({ bus, fileId, size }: OvfDrive, imageOf: ImageOf): DiskInput => {
  const tuning = { bus, cache: 'writeback', discard: true } as const;
  if (fileId !== null) return { overlayOf: imageOf(fileId).id, ...tuning };
  return { create: { format: 'qcow2', size: Math.ceil((size ?? 0) / 512) * 512 }, ...tuning };
};

const mediumOf = ({ kind, fileId }: OvfDrive, imageOf: ImageOf): MediaInput => {
  const slot = kind === 'floppy' ? 'floppy' : 'cdrom';
  const image = fileId === null ? null : imageOf(fileId);
  const fits = image !== null && (image.format === 'iso' || image.format === 'raw');
  return { kind: slot, imageId: fits ? image.id : null };
};

/** A card of a VM that was taken in before has the same address; two on one network would disturb each other. */
const freeNics = (vms: Vms, nics: MappedVm['definition']['nics'] = []) => {
  const taken = new Set(vms.list().flatMap((vm) => vm.nics.map(({ mac }) => mac)));
  const isDouble = ({ mac = '' }: (typeof nics)[number]): boolean => taken.has(mac);
  return {
    nics: nics.map((nic) => (isDouble(nic) ? { ...nic, mac: undefined } : nic)),
    notes: nics
      .filter(isDouble)
      .map(({ mac }) => `The address ${mac} belongs to a card of another VM; the card gets a new one.`),
  };
};

/** Makes the VM, or finds the one that was made before a crash. */
export const makeVm = async (
  vms: Vms,
  context: OperationContext<ImportRun, ImportJournal>,
  { definition, drives }: MappedVm,
  imageOf: ImageOf,
): Promise<{ vmId: string; notes: string[] }> => {
  const known = context.journal.vmName;
  const made = known === null ? undefined : vms.list().find(({ name }) => name === known);
  const disks = drives.filter(({ kind }) => kind === 'disk');
  const media = drives.filter(({ kind }) => kind !== 'disk');
  const { nics, notes: addresses } = freeNics(vms, definition.nics);
  const notes = [
    ...addresses,
    ...(disks.length > 16 ? [`It has ${disks.length} disks; the VM gets the first 16.`] : []),
    ...(media.length > 6 ? [`It has ${media.length} drives; the VM gets the first 6.`] : []),
  ];
  if (made !== undefined) return { vmId: made.id, notes };
  const name = freeName(vms, definition.name);
  context.save({ ...context.journal, vmName: name });
  const vm = await vms.create(
    createVmBody.parse({
      ...definition,
      name,
      nics,
      disks: disks.slice(0, 16).map((drive) => diskOf(drive, imageOf)),
      media: media.slice(0, 6).map((drive) => mediumOf(drive, imageOf)),
    }),
  );
  return { vmId: vm.id, notes };
};

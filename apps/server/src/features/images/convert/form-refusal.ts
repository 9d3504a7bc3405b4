import type { ConvertFormat, ConvertSubformat } from '@strata/contract';
import type { ConvertForm } from '../../../qemu/convert-image.ts';

const subformats: Readonly<Record<ConvertFormat, readonly ConvertSubformat[]>> = {
  qcow2: [],
  raw: [],
  vpc: ['dynamic', 'fixed'],
  vhdx: ['dynamic', 'fixed'],
  vdi: ['dynamic', 'fixed'],
  vmdk: ['monolithicSparse', 'streamOptimized'],
};
const shown: Readonly<Record<ConvertFormat, string>> = {
  ...{ qcow2: 'qcow2', raw: 'Raw', vpc: 'VHD', vhdx: 'VHDX', vdi: 'VDI', vmdk: 'VMDK' },
};

const gibibyte = 1024 ** 3;
/** What the formats can hold: the tables of a VHD end there, and those of a sparse VMDK. */
const mostBytes: Readonly<Partial<Record<ConvertFormat, number>>> = {
  vpc: 2040 * gibibyte,
  vmdk: 2048 * gibibyte,
};

/** Why a disk of this size cannot be written so; null: it can. */
export const formRefusal = (form: ConvertForm, virtualSize: number): string | null => {
  const { format, subformat, compression, clusterSize, preallocation, forceSize } = form;
  const name = shown[format];
  const most = mostBytes[format];
  if (most !== undefined && virtualSize > most)
    return `${name} holds at most ${(most / gibibyte).toLocaleString('en')} GiB, and the disk has more. Choose qcow2, raw or VHDX.`;
  if (subformat !== undefined && !subformats[format].includes(subformat))
    return `${name} knows no subformat “${subformat}”${subformats[format].length === 0 ? '' : `, but ${subformats[format].join(' and ')}`}.`;
  if (compression != null && format !== 'qcow2')
    return `Only qcow2 is compressed by choice${format === 'vmdk' ? '; of VMDK the subformat streamOptimized is' : ''}.`;
  if (clusterSize !== undefined && format !== 'qcow2') return 'Only qcow2 has a cluster size to be chosen.';
  if (preallocation !== undefined && preallocation !== 'off') {
    if (format !== 'qcow2' && format !== 'raw')
      return `${name} has no preallocation${subformats[format].includes('fixed') ? '; its subformat “fixed” takes all space at once' : ''}.`;
    if (format === 'raw' && preallocation === 'metadata')
      return 'Raw has no metadata to be allocated. Choose falloc or full.';
    if (compression != null) return 'What is compressed cannot be allocated before.';
  }
  if (forceSize !== undefined && format !== 'vpc') return 'Only VHD has a size that needs to be forced.';
  return null;
};

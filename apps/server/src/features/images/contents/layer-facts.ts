import type { Image, LayerFacts } from '@strata/contract';
import { type ImageHeader, type Qcow2Header, readImageHeader } from '@strata/disk-image';
import { byteWords } from '../../chains/byte-words.ts';

type Setting = LayerFacts['settings'][number];

const lazyRefcounts = 1n;

const ofQcow2 = (header: Qcow2Header): Setting[] => [
  { name: 'version', value: header.version === 3 ? '3 (compat 1.1)' : '2 (compat 0.10)' },
  { name: 'clusters', value: byteWords(2 ** header.clusterBits) },
  { name: 'compression', value: header.compression },
  { name: 'refcounts', value: `${header.refcountBits} bits` },
  ...((header.compatible & lazyRefcounts) === 0n ? [] : [{ name: 'lazy refcounts', value: 'yes' }]),
  ...(header.extendedL2 ? [{ name: 'subclusters', value: 'yes (extended L2)' }] : []),
  ...(header.encryption === 'none' ? [] : [{ name: 'encryption', value: header.encryption }]),
  ...(header.bitmaps === 0 ? [] : [{ name: 'bitmaps', value: String(header.bitmaps) }]),
  ...(header.dirty ? [{ name: 'not closed', value: 'yes (dirty)' }] : []),
];

const settingsOf = ({ qcow2, vmdk }: ImageHeader): Setting[] => [
  ...(qcow2 === undefined ? [] : ofQcow2(qcow2)),
  // A word of the file, which anybody may have written: shown only when it is one that Strata takes.
  ...(vmdk?.createType != null && /^[A-Za-z0-9]{1,40}$/.test(vmdk.createType)
    ? [{ name: 'kind', value: vmdk.createType }]
    : []),
];

/** The header is read again here: the library keeps of it only what it needs itself. */
export const layerFacts = async (image: Image): Promise<LayerFacts> => {
  const header = image.present ? await readImageHeader(image.path) : null;
  // A raw disk can begin like any other image: what its guest wrote there says nothing of the file.
  const own = header?.kind === image.format ? header : null;
  const { id, name, path, format, virtualSize, allocatedSize, backing, internalSnapshots, problems } = image;
  return {
    ...{ imageId: id, name, path, format, virtualSize, allocatedSize },
    fileSize: header === null || header.kind === 'unknown' ? null : header.fileSize,
    creator: own?.creator ?? null,
    settings: own === null ? [] : settingsOf(own),
    ...(backing === undefined ? {} : { backing }),
    internalSnapshots: internalSnapshots.length,
    problems,
  };
};

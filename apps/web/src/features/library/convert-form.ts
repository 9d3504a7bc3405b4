import type { ConvertFormat, ConvertImageInput, ConvertSubformat } from '@strata/contract';

/** What stands in the dialog. What does not belong to the chosen format stays there, and is not sent. */
export interface ConvertFields {
  readonly format: ConvertFormat;
  readonly subformat: ConvertSubformat | null;
  readonly compression: 'none' | 'zlib' | 'zstd';
  readonly clusterSize: number | null;
  readonly preallocation: 'off' | 'metadata' | 'falloc' | 'full';
  readonly forceSize: boolean;
}

export const initialFields: ConvertFields = {
  format: 'qcow2',
  subformat: null,
  compression: 'none',
  clusterSize: null,
  preallocation: 'off',
  forceSize: true,
};

/** The kinds of a format, the usual one first. */
export const subformatsOf: Readonly<Record<ConvertFormat, readonly ConvertSubformat[]>> = {
  qcow2: [],
  raw: [],
  vpc: ['dynamic', 'fixed'],
  vhdx: ['dynamic', 'fixed'],
  vdi: ['dynamic', 'fixed'],
  vmdk: ['monolithicSparse', 'streamOptimized'],
};

export const preallocationsOf = (format: ConvertFormat): readonly ConvertFields['preallocation'][] => {
  if (format === 'raw') return ['off', 'falloc', 'full'];
  return format === 'qcow2' ? ['off', 'metadata', 'falloc', 'full'] : [];
};

export const chosenSubformat = ({ format, subformat }: ConvertFields): ConvertSubformat | null => {
  const kinds = subformatsOf[format];
  return kinds.find((kind) => kind === subformat) ?? kinds[0] ?? null;
};

type Form = Omit<ConvertImageInput, 'name' | 'folder' | 'plan' | 'useReserve'>;

/** What the server is asked for. */
export const formOf = (fields: ConvertFields): Form => {
  const { format, compression, clusterSize, preallocation, forceSize } = fields;
  const subformat = chosenSubformat(fields);
  const isQcow2 = format === 'qcow2';
  const compresses = isQcow2 && compression !== 'none';
  const reserves = preallocationsOf(format).includes(preallocation) && preallocation !== 'off' && !compresses;
  return {
    format,
    ...(subformat === null ? {} : { subformat }),
    ...(compresses ? { compression } : {}),
    ...(isQcow2 && clusterSize !== null ? { clusterSize } : {}),
    ...(reserves ? { preallocation } : {}),
    ...(format === 'vpc' ? { forceSize } : {}),
  };
};

import type { Qcow2Header } from '@strata/disk-image';

/** A new file of the same make: what is fixed at creation and would otherwise become the default. */
export const qcow2Form = (qcow2: Qcow2Header): string =>
  [
    `compat=${qcow2.version === 2 ? '0.10' : '1.1'}`,
    `cluster_size=${2 ** qcow2.clusterBits}`,
    ...(qcow2.version === 2
      ? []
      : [
          `refcount_bits=${qcow2.refcountBits}`,
          `lazy_refcounts=${(qcow2.compatible & 1n) === 0n ? 'off' : 'on'}`,
          `extended_l2=${qcow2.extendedL2 ? 'on' : 'off'}`,
          `compression_type=${qcow2.compression}`,
        ]),
  ].join(',');

import { convertImageBody } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { formOf, initialFields } from './convert-form.ts';

describe('what the dialog asks for', () => {
  it('is only what the chosen format knows', () => {
    const fields = {
      ...initialFields,
      ...({ compression: 'zstd', clusterSize: 65_536, preallocation: 'full', forceSize: false } as const),
    };
    expect(formOf(fields)).toEqual({ format: 'qcow2', compression: 'zstd', clusterSize: 65_536 });
    expect(formOf({ ...fields, format: 'raw' })).toEqual({ format: 'raw', preallocation: 'full' });
    expect(formOf({ ...fields, format: 'vpc', subformat: 'fixed' })).toEqual({
      format: 'vpc',
      subformat: 'fixed',
      forceSize: false,
    });
    // The kind of another format is none of this one.
    expect(formOf({ ...fields, format: 'vmdk', subformat: 'fixed' })).toEqual({
      format: 'vmdk',
      subformat: 'monolithicSparse',
    });
    for (const format of ['qcow2', 'raw', 'vpc', 'vhdx', 'vdi', 'vmdk'] as const)
      expect(convertImageBody.safeParse({ ...formOf({ ...fields, format }), name: 'x' }).success).toBe(true);
  });
});

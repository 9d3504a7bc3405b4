import { createVmBody } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { words } from '../../lib/words.ts';
import {
  createBodyOf,
  emptyForm,
  missingIn,
  type Preset,
  type Source,
  suggestedName,
  withPreset,
} from './new-vm-form.ts';

const complete = (source: Source, preset: Preset = 'linux') => ({
  ...emptyForm('image01'),
  source,
  preset,
  isoId: 'iso01',
  kernel: { path: '/boot/vmlinuz', append: 'console=ttyS0' },
  nbd: { uri: 'nbd+unix:///disk?socket=/run/strata/x/nbd', readOnly: true, bus: 'virtio' as const },
});

describe('the form of a new VM', () => {
  it('makes a body that the contract accepts, from every source with every system', () => {
    for (const source of Object.keys(words.newVm.sources) as Source[])
      for (const preset of Object.keys(words.newVm.presets) as Preset[]) {
        const form = complete(source, preset);
        expect(missingIn(form, [])).toBeNull();
        expect(createVmBody.safeParse(createBodyOf(form, 'a name')).error).toBeUndefined();
      }
  });

  it('boots an existing image through an overlay unless told otherwise', () => {
    expect(createBodyOf(complete('image'), 'x').disks).toEqual([{ overlayOf: 'image01', bus: 'virtio' }]);
    expect(createBodyOf({ ...complete('image'), useAs: 'itself' }, 'x').disks).toEqual([
      { imageId: 'image01', bus: 'virtio' },
    ]);
  });

  it('asks for the address of a network disk, and with TLS for the keys', () => {
    const of = (uri: string, credentials?: string) =>
      missingIn(
        {
          ...complete('nbd'),
          nbd: { uri, readOnly: true, bus: 'virtio', ...(credentials ? { credentials } : {}) },
        },
        [],
      );
    expect(of('nbd://127.0.0.1:10809/x')).toBeNull();
    for (const missing of [of(''), of('http://x'), of('nbds://127.0.0.1:1/x')])
      expect(missing).toBe(words.newVm.missing.nbd);
    expect(of('nbds://127.0.0.1:1/x', '/home/me/keys')).toBeNull();
  });

  it('gives old systems hardware they know', () => {
    const body = createBodyOf(complete('iso', 'oldWindows'), 'x');
    expect(body).toMatchObject({
      machine: 'pc',
      nics: [{ model: 'rtl8139' }],
      media: [{ imageId: 'iso01' }],
    });
    expect(body.disks?.[0]).toMatchObject({ bus: 'ide' });
  });

  it('keeps what was changed under Advanced over the preset', () => {
    const form = { ...complete('empty'), changed: { bus: 'nvme' as const, diskSize: 1024 ** 3 } };
    expect(createBodyOf(form, 'x').disks).toEqual([
      { create: { format: 'qcow2', size: 1024 ** 3 }, bus: 'nvme' },
    ]);
  });

  it('keeps what was typed when another system is chosen, and takes the hardware of that one', () => {
    const typed = {
      memory: 3 * 1024 ** 3,
      cpus: 6,
      diskSize: 1024 ** 3,
      notes: 'mine',
      nicMode: 'none' as const,
    };
    const chosen = { bus: 'nvme' as const, display: 'std' as const, machine: 'q35' };
    const form = withPreset({ ...complete('empty'), name: 'x', changed: { ...typed, ...chosen } }, 'dos');
    expect(createBodyOf(form, 'y')).toMatchObject({
      ...{ name: 'x', memory: typed.memory, cpus: 6, notes: 'mine', nics: [] },
      ...{ machine: 'pc', display: 'cirrus', disks: [{ create: { size: 1024 ** 3 }, bus: 'ide' }] },
    });
    expect(withPreset(complete('empty'), 'dos').changed).toEqual({});
  });

  it('has no network card when the network is none', () => {
    const form = { ...complete('empty'), changed: { nicMode: 'none' as const } };
    expect(createBodyOf(form, 'x').nics).toEqual([]);
  });

  it('says that a name is taken, whatever its case', () => {
    const form = { ...complete('empty'), name: ' Twin ' };
    expect(missingIn(form, ['twin'])).toMatch(/“Twin” is taken/);
    expect(missingIn(form, ['twins'])).toBeNull();
    expect(missingIn({ ...form, name: '' }, ['twin'])).toBeNull();
  });

  it('waits for a path that is still being written', () => {
    const kernel = (path: string) => ({ ...complete('kernel'), kernel: { path, append: '' } });
    expect(missingIn(kernel('boot'), [])).toMatch(/kernel/);
    expect(missingIn(kernel('/boot/'), [])).toMatch(/kernel/);
    expect(missingIn(kernel('/boot/vmlinuz'), [])).toBeNull();
  });

  it('says what is missing', () => {
    expect(missingIn({ ...complete('image'), imageId: null }, [])).toMatch(/image/);
    expect(missingIn({ ...complete('empty'), changed: { diskSize: null } }, [])).toMatch(/size/);
    expect(missingIn({ ...complete('kernel'), kernel: { path: '', append: '' } }, [])).toMatch(/kernel/);
  });
});

describe('the suggested name', () => {
  it('is that of the image without its extension', () => {
    expect(suggestedName('Debian-12.qcow2', 'linux', [])).toBe('debian-12');
  });

  it('is free', () => {
    expect(suggestedName('a.iso', 'linux', ['A', 'a-2'])).toBe('a-3');
    expect(suggestedName(null, 'dos', [])).toBe('dos');
  });
});

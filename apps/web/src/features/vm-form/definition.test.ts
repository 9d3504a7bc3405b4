import { patchVmBody, type Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { changesOf, definitionOf, patchOf } from './definition.ts';

const vm: Vm = {
  id: 'vm01',
  uuid: '6d0e3c0c-6f6e-4c57-8d3e-0b2f3a4c5d6e',
  name: 'web-7',
  arch: 'x86_64',
  accelerator: 'auto',
  effectiveAccelerator: { kind: 'tcg', reason: 'no /dev/kvm' },
  cpus: 2,
  memory: 1024 ** 3,
  firmware: 'bios',
  machine: 'pc-q35-7.2',
  boot: { order: ['disk', 'cdrom'], menu: false, once: null },
  kernel: null,
  disks: [{ id: 'disk1', imageId: 'img1', bus: 'virtio', cache: 'writeback', discard: true, chainLength: 3 }],
  media: [{ slot: 'cd0', kind: 'cdrom', imageId: null }],
  nics: [{ id: 'net0', mode: 'user', model: 'virtio', mac: '52:54:00:12:34:56', forwards: [] }],
  display: 'std',
  audio: 'none',
  serial: 1,
  tpm: false,
  extraArgs: [],
  autostart: false,
  notes: '',
  state: 'off',
  changedSinceStart: false,
  suspended: null,
  current: { snapshotId: null },
  snapshotCount: 0,
  createdAt: '2026-11-23T08:00:00.000Z',
  hasPicture: false,
  problems: [],
};

describe('the definition a form edits', () => {
  it('is, sent back unchanged, a PATCH that the contract accepts', () => {
    expect(patchVmBody.safeParse(patchOf(definitionOf(vm))).error).toBeUndefined();
  });

  it('sends only what differs from the VM', () => {
    const definition = definitionOf(vm);
    const draft = { cpus: 4, memory: definition.memory, boot: { ...definition.boot } };
    expect(changesOf(definition, draft)).toEqual({ cpus: 4 });
  });

  it('keeps the disks a VM has by their ids when one is added', () => {
    const disks = [
      ...definitionOf(vm).disks,
      { overlayOf: 'img2', bus: 'virtio', cache: 'writeback', discard: true } as const,
    ];
    const body = patchVmBody.parse(patchOf({ disks }));
    expect(body.disks).toEqual([
      { id: 'disk1', bus: 'virtio', cache: 'writeback', discard: true },
      { overlayOf: 'img2', bus: 'virtio', cache: 'writeback', discard: true },
    ]);
  });

  it('drops empty lines of further options and blanks around the name', () => {
    expect(patchOf({ name: ' web-8 ', extraArgs: ['-no-hpet', ' ', ''] })).toEqual({
      name: 'web-8',
      extraArgs: ['-no-hpet'],
    });
  });
});

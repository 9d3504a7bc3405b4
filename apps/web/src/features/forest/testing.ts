import type { Image, Vm } from '@strata/contract';

/** An image for the tests of the forest; `on` names what it stands on. */
export function image(id: string, { on, ...facts }: Partial<Image> & { on?: string } = {}): Image {
  return {
    id,
    name: id,
    path: `/images/${id}`,
    format: 'qcow2',
    virtualSize: 1024 ** 3,
    allocatedSize: 1024 ** 2,
    backingId: on ?? null,
    ...(on === undefined ? {} : { backing: { path: `/images/${on}`, format: 'qcow2', state: 'ok' } }),
    overlays: [],
    checksums: [],
    internalSnapshots: [],
    usedBy: [],
    role: 'base',
    present: true,
    modifiedAt: '2026-01-01T00:00:00Z',
    problems: [],
    ...facts,
  };
}

/** A VM with these images as its disks: all of it that the forest looks at. */
export const vm = (id: string, imageIds: readonly string[]): Vm =>
  ({ id, name: id, state: 'off', disks: imageIds.map((imageId) => ({ id: imageId, imageId })) }) as Vm;

import type { Image, ImageUse } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { assignColours } from './layer-colours.ts';
import { layerModels, runFacts } from './layer-model.ts';

const image = (id: string, usedBy: ImageUse[] = []) =>
  ({ id, name: id, allocatedSize: 100, usedBy, internalSnapshots: [] as unknown[] }) as unknown as Image;
const overlay = (id: string): ImageUse => ({ kind: 'overlay', id, name: id });
const chain = {
  layers: [
    image('top', [{ kind: 'vm', id: 'vm', name: 'web-7' }]),
    image('middle', [overlay('top'), { kind: 'snapshot', id: 's', name: 'clean' }]),
    image('base', [overlay('middle'), overlay('build-farm'), { kind: 'vm', id: 'v2', name: 'reader' }]),
  ],
  snapshotsByImage: { middle: [{ id: 's', name: 'clean', vmId: 'vm', vmName: 'web-7', memory: false }] },
};
const map = {
  virtualSize: 1000,
  start: 0,
  length: 1000,
  approximate: false,
  layers: ['top', 'middle'].map((imageId) => ({
    imageId,
    visible: [],
    shadowed: [],
    allocatedBytes: 50,
    visibleBytes: 40,
  })),
};
const models = layerModels({
  chain,
  map,
  colours: assignColours(['top', 'middle', 'base']),
  scheme: 'dark',
});

describe('a row of the Layers tab', () => {
  it('is locked by what stands on it outside this chain, not by the layer above or the VM that writes here', () => {
    expect(models.map(({ locks }) => locks)).toEqual([
      [],
      [],
      [
        { kind: 'overlay', name: 'build-farm' },
        { kind: 'vm', name: 'reader' },
      ],
    ]);
  });
  it('is locked by an export, by an operation that is not drawn here, and by what is in the trash', () => {
    const uses: ImageUse[] = [
      { kind: 'export', id: 'e', name: 'nbd' },
      { kind: 'operation', id: 'o', name: 'Copy it' },
    ];
    const trashed = { ...chain, layers: [image('top'), image('base', uses)], snapshotsByImage: {} };
    const [, base] = layerModels({
      chain: { ...trashed, trashedByImage: { base: [{ trashId: 't', name: 'old' }] } },
      map: undefined,
      colours: assignColours(['top', 'base']),
      scheme: 'dark',
    });
    expect(base?.locks.map(({ kind }) => kind)).toEqual(['export', 'operation', 'trash']);
  });
  it('is not locked by what the operation drawn here is about: that is about to go', () => {
    const [base] = layerModels({
      chain: { layers: [image('base', [overlay('merged'), overlay('other')])], snapshotsByImage: {} },
      map: undefined,
      colours: assignColours(['base']),
      scheme: 'dark',
      atWork: new Set(['commit', 'merged', 'base']),
    });
    expect(base?.locks).toEqual([{ kind: 'overlay', name: 'other' }]);
  });
  it('shows a tag inside its file once: by the name of its snapshot, or as a tag when nobody here took it', () => {
    const tagged = {
      ...image('only', [{ kind: 'snapshot', id: 's1', name: 'ours', tag: 'strata-ours-s1' }]),
      internalSnapshots: [
        { id: '1', tag: 'strata-ours-s1', createdAt: null, vmStateSize: 0 },
        { id: '2', tag: 'by hand', createdAt: null, vmStateSize: 0 },
      ],
    } as unknown as Image;
    const mark = {
      id: 's1',
      name: 'ours',
      vmId: 'vm',
      vmName: 'web-7',
      memory: false,
      tag: 'strata-ours-s1',
    };
    const [only] = layerModels({
      chain: { layers: [tagged], snapshotsByImage: { only: [mark] } },
      map: undefined,
      colours: assignColours(['only']),
      scheme: 'dark',
    });
    expect(only?.tags.map(({ tag }) => tag)).toEqual(['by hand']);
  });
  it('knows its place and its snapshots', () => {
    expect(models.map(({ position }) => position)).toEqual(['active', 'layer', 'base']);
    expect(models[1]?.snapshots.map(({ name }) => name)).toEqual(['clean']);
  });
  it('is no base when its own backing is lost', () => {
    const lost = {
      ...image('s1'),
      backing: { path: '/gone.qcow2', format: 'qcow2', state: 'missing' },
    } as Image;
    const positions = (layers: Image[]) =>
      layerModels({
        chain: { layers, snapshotsByImage: {} },
        map: undefined,
        colours: assignColours(['top', 's1']),
        scheme: 'dark',
      }).map(({ position }) => position);
    expect(positions([image('top'), lost])).toEqual(['active', 'layer']);
    expect(positions([lost])).toEqual(['layer']);
  });
  it('adds up a run, and does not guess what is visible when the map does not know', () => {
    expect(runFacts(models.slice(0, 2))).toEqual({ stored: 200, visible: 80 });
    expect(runFacts(models)).toEqual({ stored: 300, visible: null });
  });
});

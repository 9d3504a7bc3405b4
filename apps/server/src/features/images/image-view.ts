import { type Forest, type Layer, overlaysOf, rolesOf } from '@strata/backing-chain';
import type { Image, Problem } from '@strata/contract';
import type { ImageRecord } from './image-record.ts';
import type { Relation } from './image-relations.ts';
import type { Taint, Uses } from './image-uses.ts';
import type { ImageFacts } from './images.types.ts';

/** Everything about all images at one moment. */
export interface World {
  readonly forest: Forest;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly uses: Uses;
  readonly taints: ReadonlyMap<string, Taint>;
}

const alone: Relation = { backingId: null, state: 'none', backingPath: null, problems: [] };
export const relationOf = (relations: ReadonlyMap<string, Relation>, id: string): Relation =>
  relations.get(id) ?? alone;

export const layerOf = (record: ImageRecord, relation: Relation): Layer => ({
  id: record.id,
  name: record.name,
  path: record.path,
  format: record.format,
  virtualSize: record.facts.virtualSize,
  allocatedBytes: record.facts.allocatedSize,
  backingId: relation.backingId,
  backingState: relation.state,
  internalSnapshots: record.facts.snapshots.map(({ id, tag }) => ({ id, tag })),
  writable: record.facts.writable,
  present: record.present,
});

export const factsOf = (record: ImageRecord, relation: Relation): ImageFacts => ({
  id: record.id,
  name: record.name,
  path: record.path,
  format: record.format,
  virtualSize: record.facts.virtualSize,
  allocatedSize: record.facts.allocatedSize,
  backingId: relation.backingId,
  present: record.present,
});

const problemsOf = (record: ImageRecord, relation: Relation, taint: Taint | undefined): Problem[] => {
  const problems: Problem[] = [];
  if (!record.present) {
    const repair =
      record.facts.backing === null
        ? 'Put it back, or delete what refers to it.'
        : 'Put it back (mount its disk), or delete it here. Until then its backing stays as it is.';
    problems.push({ code: 'missing', message: `The file ${record.path} is gone or cannot be read.`, repair });
  }
  if (taint !== undefined) problems.push({ code: 'tainted', message: taint.message, repair: taint.repair });
  for (const flaw of record.facts.flaws) problems.push({ code: 'unsafe', message: flaw.message });
  if (record.facts.looksLike !== null && record.facts.flaws.length === 0) {
    const message = `It is used as ${record.format}, although it begins like ${record.facts.looksLike}: its guest may have written that.`;
    problems.push({ code: 'format-settled', message });
  }
  return [...problems, ...relation.problems];
};

const timeOf = (mtimeNs: string): string => {
  const time = new Date(Number(BigInt(mtimeNs) / 1_000_000n));
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString();
};

const roleOf = (record: ImageRecord, forest: Forest): Image['role'] => {
  const [role] = rolesOf(forest, record.id);
  const isBare = role === 'base' && overlaysOf(forest, record.id).length === 0;
  if (record.format === 'iso' && isBare) return 'media';
  return role ?? 'orphan';
};

/** An image as the contract tells it. */
export const imageView = (record: ImageRecord, world: World): Image => {
  const relation = relationOf(world.relations, record.id);
  const overlays = overlaysOf(world.forest, record.id);
  const { facts } = record;
  return {
    id: record.id,
    name: record.name,
    path: record.path,
    format: record.format,
    virtualSize: facts.virtualSize,
    allocatedSize: facts.allocatedSize,
    backingId: relation.backingId,
    ...(relation.state === 'none' || relation.backingPath === null
      ? {}
      : {
          backing: {
            path: relation.backingPath,
            format: facts.backing?.format ?? null,
            state: relation.state,
          },
        }),
    overlays: overlays.map((overlay) => overlay.id),
    internalSnapshots: facts.snapshots.map(({ id, tag, dateSeconds, vmStateSize }) => ({
      id,
      tag,
      createdAt: dateSeconds === 0 ? null : new Date(dateSeconds * 1000).toISOString(),
      vmStateSize,
    })),
    usedBy: [
      ...(world.uses.byImage.get(record.id) ?? []),
      ...overlays.map(({ id, name }) => ({ kind: 'overlay' as const, id, name })),
    ],
    role: roleOf(record, world.forest),
    present: record.present,
    modifiedAt: timeOf(record.identity.mtimeNs),
    problems: problemsOf(record, relation, world.taints.get(record.id)),
  };
};

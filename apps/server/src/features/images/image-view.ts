import { type Forest, type Layer, overlaysOf, rolesOf } from '@strata/backing-chain';
import type { Image, Problem } from '@strata/contract';
import { shownChecksum, voidReason } from './checksum/remembered-checksum.ts';
import type { ImageMemory, RememberedCheck, RememberedUnread } from './image-memory.ts';
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
  readonly memory: Pick<ImageMemory, 'of'>;
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

/** Flaws of the file itself, which a check can mend. */
const damaged = new Set(['corrupt', 'needs-repair']);

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
  for (const { code, message } of record.facts.flaws)
    problems.push({ code: damaged.has(code) ? 'corrupt' : 'unsafe', message });
  if (record.facts.looksLike !== null && record.facts.flaws.length === 0) {
    const message = `It is used as ${record.format}, although it begins like ${record.facts.looksLike}: its guest may have written that.`;
    problems.push({ code: 'format-settled', message });
  }
  return [...problems, ...relation.problems];
};

/** What stands below cannot be followed. */
export const isBroken = ({ state }: Relation): boolean => state !== 'none' && state !== 'ok';

/** That the layer below is lost, in every way there is. */
const lostBacking = new Set(['backing-missing', 'backing-outside', 'backing-cycle']);

/** Where the chain below an image can be followed no further. */
const breakBelow = (id: string, { relations }: World): string => {
  const seen = new Set<string>();
  for (let at = id; ; ) {
    seen.add(at);
    const { state, backingId } = relationOf(relations, at);
    if (state !== 'ok' || backingId === null || seen.has(backingId)) return at;
    at = backingId;
  }
};

/** A file that is gone, and all that stood on it has been left alone. */
const isMissedByNobody = (record: ImageRecord, { forest, uses, memory }: World): boolean => {
  const overlays = overlaysOf(forest, record.id);
  const used = (uses.byImage.get(record.id) ?? []).length > 0;
  const alone = overlays.every(({ id }) => memory.of(id).leftAloneAt !== null);
  return !record.present && !used && overlays.length > 0 && alone;
};

/** Its owner has said that it stands alone; then what stands on it is no problem for that reason either. */
const isSilent = ({ code, message }: Problem, record: ImageRecord, world: World): boolean => {
  const leftAlone = (id: string): boolean => world.memory.of(id).leftAloneAt !== null;
  if (code === 'missing') return isMissedByNobody(record, world);
  if (code === 'chain-broken') return leftAlone(record.id) || leftAlone(breakBelow(record.id, world));
  const ofLink = [
    ...relationOf(world.relations, record.id).problems,
    ...record.facts.flaws.filter((flaw) => flaw.code === 'bad-backing-name'),
  ];
  const foreign = code === 'unsafe' && ofLink.some((problem) => problem.message === message);
  return leftAlone(record.id) && (lostBacking.has(code) || foreign);
};

const foundByCheck = ({ errors, leaks, leakedBytes, at }: RememberedCheck): Problem =>
  errors > 0
    ? {
        code: 'check-errors',
        message: `A check has found ${errors} errors in its tables (${at.slice(0, 10)}): what it shows may be wrong in places.`,
        repair: 'Copy the file, then let QEMU repair the errors.',
      }
    : {
        code: 'check-leaks',
        message: `A check has found ${leaks} lost clusters (${leakedBytes.toLocaleString('en')} bytes, ${at.slice(0, 10)}). Contents are not touched by that.`,
        repair: 'Give them back.',
      };

const ofUnread = ({ device, words, at }: RememberedUnread): Problem => ({
  code: 'incomplete',
  message: `The image is incomplete: when it was read of ${device} (${at.slice(0, 10)}), ${words}`,
  repair: 'Clean the disc, or try another drive or reader, and read it again; or check what matters in it.',
});

const isSound = ({ errors, leaks }: RememberedCheck): boolean => errors + leaks === 0;

/** As long as the file is the one that was checked. */
const lastCheckOf = (checked: RememberedCheck | null, record: ImageRecord): Pick<Image, 'lastCheck'> => {
  if (checked?.file === undefined || voidReason(checked.file, record) !== null) return {};
  const { at, errors, leaks, leakedBytes } = checked;
  const state = errors > 0 ? 'errors' : leaks > 0 ? 'leaks' : 'clean';
  return { lastCheck: { at, state, errors, leaks, leakedBytes } };
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
  const remembered = world.memory.of(record.id);
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
    problems: [
      ...problemsOf(record, relation, world.taints.get(record.id)).filter(
        (problem) => !isSilent(problem, record, world),
      ),
      ...(remembered.checked === null || isSound(remembered.checked)
        ? []
        : [foundByCheck(remembered.checked)]),
      ...(remembered.unread === null ? [] : [ofUnread(remembered.unread)]),
    ],
    checksums: remembered.checksums.map((checksum) => shownChecksum(checksum, record)),
    ...lastCheckOf(remembered.checked, record),
    ...((remembered.leftAloneAt !== null && isBroken(relation)) || isMissedByNobody(record, world)
      ? { leftAlone: true }
      : {}),
  };
};

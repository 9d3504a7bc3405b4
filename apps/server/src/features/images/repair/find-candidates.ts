import type { RelinkCandidate } from '@strata/contract';
import { visibleChain } from '../chain-facts.ts';
import { inspectFiles, isUnreadable, sampleContent, walkFolder } from '../disk-reader.ts';
import { isImage } from '../find-new.ts';
import { realFolder } from '../folders.service.ts';
import { isForbidden } from '../forbidden-paths.ts';
import { type ImageRecord, statKey } from '../image-record.ts';
import type { LibraryAccess } from '../library-access.ts';
import { mapBounded } from '../map-bounded.ts';
import { newRecord } from '../read-record.ts';
import { judge, type Lost } from './evidence.ts';

/** More are no help to anybody. */
const shownAtMost = 12;
/** Whose contents are read: 200 KiB each. */
const sampledAtMost = 60;

export interface Candidate {
  readonly record: ImageRecord;
  readonly known: boolean;
}

export interface FoundCandidate extends RelinkCandidate {
  readonly record: ImageRecord;
}

/** Why the overlay could not stand on it; null: it can. */
const impedimentOf = (
  { world }: LibraryAccess,
  overlay: ImageRecord,
  { record, known }: Candidate,
): string | null => {
  const [flaw] = record.facts.flaws;
  if (flaw !== undefined) return flaw.message;
  if (!known)
    return record.facts.backing === null
      ? null
      : 'It is an overlay itself. Register its folder first, so that its own chain is known.';
  if (visibleChain(world, record.id).includes(overlay.id)) return 'It stands on the overlay itself.';
  const writer = world.uses().disks.find(({ imageId }) => imageId === record.id);
  if (writer !== undefined)
    return `It is the active layer of the VM “${writer.vmName}”, which would change what the overlay shows.`;
  const { problems, state } = world.relation(record.id);
  const broken = problems.find(({ code }) => code === 'chain-broken') ?? problems[0];
  return state === 'ok' || state === 'none' ? null : (broken?.message ?? 'Its own chain is broken.');
};

/** Everything of the library that does not stand on the overlay itself. */
const knownCandidates = ({ library, world }: LibraryAccess, overlay: ImageRecord): Candidate[] =>
  [...library.all()]
    .filter(
      ({ id, present }) => present && id !== overlay.id && !visibleChain(world, id).includes(overlay.id),
    )
    .map((record) => ({ record, known: true }));

/** What a folder outside the library holds. Reads headers; changes nothing. */
export const foreignImages = async (
  { dataDir, library }: LibraryAccess,
  folder: string,
): Promise<ImageRecord[]> => {
  const { files } = await walkFolder(folder, new Set([dataDir]));
  const strange = [...files].filter(
    ([path, stat]) =>
      stat.size > 0n && !isForbidden(path, dataDir) && library.byKey(statKey(stat)) === undefined,
  );
  const found: ImageRecord[] = [];
  await inspectFiles(
    strange.map(([path]) => path),
    (path, file) => {
      if (isUnreadable(file) || !isImage(file, path, [{ path: folder }])) return;
      const record = newRecord(path, file);
      if (record !== null) found.push(record);
    },
  );
  return found;
};

export const judgeCandidate = async (
  access: LibraryAccess,
  lost: Lost,
  candidate: Candidate,
): Promise<FoundCandidate & { points: number }> => {
  const { record, known } = candidate;
  const sample = lost.remembered === null ? null : await sampleContent(record.path);
  return {
    record,
    imageId: known ? record.id : null,
    path: record.path,
    name: record.name,
    format: record.format,
    virtualSize: record.facts.virtualSize,
    ...judge(record, lost, sample),
    impediment: impedimentOf(access, lost.overlay, candidate),
  };
};

/** The files that could be the lost layer, best first: by what is cheap to know, then by their contents. */
export const findCandidates = async (
  access: LibraryAccess,
  lost: Lost,
  folder: string | undefined,
): Promise<FoundCandidate[]> => {
  const { overlay } = lost;
  const place = folder === undefined ? null : await realFolder(folder, access.dataDir);
  const foreign = place === null ? [] : await foreignImages(access, place);
  const all = [
    ...knownCandidates(access, overlay),
    ...foreign.map((record): Candidate => ({ record, known: false })),
  ].filter(({ record }) => record.facts.virtualSize > 0);
  const cheap = all
    .map((candidate) => ({ candidate, points: judge(candidate.record, lost, null).points }))
    .sort((one, other) => other.points - one.points)
    .slice(0, sampledAtMost);
  const judged = await mapBounded(cheap, 4, ({ candidate }) => judgeCandidate(access, lost, candidate));
  const rank = { proven: 3, likely: 2, possible: 1, unlikely: 0 };
  return judged
    .filter(({ verdict, points }) => verdict !== 'unlikely' || points > 0)
    .sort((one, other) => rank[other.verdict] - rank[one.verdict] || other.points - one.points)
    .slice(0, shownAtMost)
    .map(({ points: _, ...candidate }) => candidate);
};

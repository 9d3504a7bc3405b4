import { basename } from 'node:path';
import type { AdoptedImage, AdoptFolder, ImageFormat } from '@strata/contract';
import { backingFormat } from '../backing-format.ts';
import type { ImageRecord } from '../image-record.ts';
import type { ImageWorld } from '../image-world.ts';
import { isWithin } from '../path-trees.ts';
import type { Survey } from './survey-folder.ts';

/** From the image down, as far as it can be followed; with why it is not whole. */
export const chainBelow = (
  world: ImageWorld,
  id: string,
): { readonly members: readonly ImageRecord[]; readonly broken: string | null } => {
  const members: ImageRecord[] = [];
  for (let at: string | null = id; at !== null; ) {
    const [record, relation]: [ImageRecord, ReturnType<ImageWorld['relation']>] = [
      world.record(at),
      world.relation(at),
    ];
    if (members.some((member) => member.id === record.id)) break;
    members.push(record);
    const [flaw] = record.facts.flaws;
    if (flaw !== undefined) return { members, broken: flaw.message };
    if (relation.state !== 'none' && relation.state !== 'ok')
      return { members, broken: relation.problems[0]?.message ?? 'Its backing cannot be followed.' };
    at = relation.backingId;
  }
  return { members, broken: null };
};

/** The format that its header does not tell, or tells wrongly, if Strata is certain of it. */
const formatOf = (
  { world }: Survey,
  overlay: ImageRecord,
): { readonly format: ImageFormat | null; readonly why: string | null } => {
  const { backingId, problems } = world.relation(overlay.id);
  const missing = problems.some(({ code }) => code.startsWith('backing-format-'));
  if (!missing || backingId === null) return { format: null, why: null };
  if (!overlay.facts.writable)
    return { format: null, why: 'Its file is read-only, so no format can be written.' };
  const { format, certain, why } = backingFormat(overlay, world.record(backingId));
  return certain
    ? { format, why }
    : { format: null, why: `${why} The format is not certain, so it is not written.` };
};

/** Why it cannot be copied or moved; null: it can. */
const impedimentOf = (
  survey: Survey,
  image: ImageRecord,
  mode: 'copy' | 'move',
  tells: boolean,
): string | null => {
  const { members, broken } = chainBelow(survey.world, image.id);
  if (broken !== null)
    return members.length > 1
      ? `Its chain is broken at “${members.at(-1)?.name}”: ${broken}`
      : `It stays where it is: ${broken}`;
  if (!tells) return 'The format of its backing is not known for certain.';
  if (mode === 'copy') return null;
  if (survey.linked.has(image.path)) return 'It has another name elsewhere (a hard link). Copy it instead.';
  const overlays = [...survey.library.all()].filter(
    ({ id }) => survey.world.relation(id).backingId === image.id,
  );
  const flawed = overlays.find(({ facts }) => facts.flaws.length > 0);
  if (flawed !== undefined) return `“${flawed.name}” stands on it, and Strata does not open that.`;
  const stuck = [image, ...overlays].find(
    ({ facts, id }) => !facts.writable && survey.world.relation(id).backingId !== null,
  );
  return stuck === undefined
    ? null
    : `The link in “${stuck.name}” cannot be rewritten: its file is read-only.`;
};

const backingView = ({ world, path }: Survey, image: ImageRecord): AdoptedImage['backing'] => {
  const { state, backingPath } = world.relation(image.id);
  if (state === 'none' || backingPath === null) return null;
  const format = image.facts.backing?.format ?? null;
  return { path: backingPath, format, state, inFolder: isWithin(backingPath, path) };
};

/** What would be done with one image of the folder. */
export const adoptImage = (
  survey: Survey,
  image: ImageRecord,
  wish: Pick<AdoptFolder, 'mode' | 'recordFormats'>,
  known: boolean,
): Omit<AdoptedImage, 'target'> => {
  const found = wish.recordFormats ? formatOf(survey, image) : { format: null, why: null };
  const uncertain = survey.world
    .relation(image.id)
    .problems.some(({ code }) => code.startsWith('backing-format-'));
  const base = {
    path: image.path,
    name: basename(image.path),
    format: image.format,
    virtualSize: image.facts.virtualSize,
    allocatedSize: image.facts.allocatedSize,
    imageId: known ? image.id : null,
    backing: backingView(survey, image),
    problems: survey.world.view(image.id).problems,
    recordFormat: found.format,
    why: found.why,
  };
  if (wish.mode === 'register') return { ...base, action: known ? 'known' : 'register' };
  if (wish.mode === 'copy' && known)
    return {
      ...base,
      action: 'known',
      recordFormat: null,
      why: 'The library knows it already: copy it there.',
    };
  const why = impedimentOf(survey, image, wish.mode, !uncertain || found.format !== null);
  if (why !== null) return { ...base, action: 'leave', why, recordFormat: null };
  return { ...base, action: wish.mode };
};

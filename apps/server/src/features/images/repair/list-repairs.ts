import type { Image, ImageRepair, ImageRepairs, Problem } from '@strata/contract';
import { backingFormat } from '../backing-format.ts';
import { isForbidden } from '../forbidden-paths.ts';
import type { RememberedBacking } from '../image-memory.ts';
import type { ImageRecord } from '../image-record.ts';
import { isBroken } from '../image-view.ts';
import type { LibraryAccess } from '../library-access.ts';
import { demandIdle } from '../work/image-work.service.ts';
import type { Lost } from './evidence.ts';
import { findCandidates } from './find-candidates.ts';
import { cutWords, relinkWords } from './repair-words.ts';

/** Null: what stands below is there. */
export const lostOf = ({ world, memory }: LibraryAccess, id: string): Lost | null => {
  const [overlay, relation] = [world.record(id), world.relation(id)];
  const { state, backingPath: path } = relation;
  if (!isBroken(relation) || state === 'none' || path === null) return null;
  const { stoodOn } = memory.of(id);
  // The header may have been written by hand since, and lead to something else now.
  const remembered = stoodOn?.path === path ? stoodOn : null;
  return { overlay, path, state, format: overlay.facts.backing?.format ?? null, remembered };
};

/** The other overlays that wait for the same file. In a circle nothing is lost; what is left alone waits for nothing. */
export const othersWith = (access: LibraryAccess, lost: Lost): Lost[] =>
  lost.state === 'cycle'
    ? []
    : [...access.library.all()].flatMap(({ id }) => {
        const other = id === lost.overlay.id ? null : lostOf(access, id);
        const same = other?.path === lost.path && access.memory.of(id).leftAloneAt === null;
        return same ? [other] : [];
      });

/** Why no link can be written into the header; null: one can. */
export const unwritable = ({ name, format, facts, present }: ImageRecord): string | null => {
  if (!present) return `The file of “${name}” is gone.`;
  if (format !== 'qcow2') return `“${name}” is ${format}: only the link of a qcow2 image can be rewritten.`;
  if (!facts.writable) return `The file of “${name}” is read-only.`;
  return facts.flaws.find(({ code }) => code !== 'bad-backing-name')?.message ?? null;
};

/** The same, and who has it open. */
export const relinkImpediment = async (
  { world }: LibraryAccess,
  overlay: ImageRecord,
): Promise<string | null> => {
  const impediment = unwritable(overlay);
  if (impediment !== null) return impediment;
  return demandIdle(world.now().forest, world.view(overlay.id), 'It can be repaired').then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
};

const problemOf = (image: Image, ...codes: string[]): Problem | undefined =>
  image.problems.find(({ code }) => codes.includes(code));

const isOutside = ({ library }: LibraryAccess, id: string): boolean => {
  const resolved = library.backingOf(id);
  return (
    resolved?.target.kind === 'file' && resolved.regular && library.byKey(resolved.key ?? '') === undefined
  );
};

const linkRepairs = async (
  access: LibraryAccess,
  image: Image,
  lost: Lost,
  folder: string | undefined,
): Promise<ImageRepair[]> => {
  const problem =
    problemOf(image, 'backing-missing', 'backing-outside', 'backing-cycle', 'unsafe')?.code ??
    'backing-missing';
  const impediment = unwritable(lost.overlay);
  const repairs: ImageRepair[] = [];
  if (isOutside(access, image.id))
    repairs.push({
      ...{ kind: 'register-backing', problem },
      impediment: isForbidden(lost.path, access.dataDir)
        ? `${lost.path} belongs to the system or to Strata itself.`
        : null,
      title: 'Register the file below',
      means: `${lost.path} is taken into the library where it lies, and nothing is written.`,
    });
  const found = await findCandidates(access, lost, folder);
  const relink: ImageRepair = {
    ...{ kind: 'relink', problem, impediment },
    ...relinkWords(lost.state),
    candidates: found.map(({ record: _, ...candidate }) => candidate),
    others: await Promise.all(
      othersWith(access, lost).map(async ({ overlay }) => ({
        imageId: overlay.id,
        name: overlay.name,
        impediment: await relinkImpediment(access, overlay),
      })),
    ),
  };
  const cut: ImageRepair = {
    ...{ kind: 'cut', problem, impediment },
    title: 'Cut the link',
    means: cutWords(access.world, lost.overlay, image.overlays.length),
  };
  return [
    ...repairs,
    // Nothing is lost in a circle: there one of its links is wrong.
    ...(lost.state === 'cycle' ? [cut, relink] : [relink, cut]),
    {
      ...{ kind: 'leave-alone', problem, impediment: null },
      title: image.leftAlone ? 'Treat it as a problem again' : 'Leave it alone',
      means: image.leftAlone
        ? 'It is shown among the problems again.'
        : 'You know about it: it is no longer shown as a problem, and nothing is written. It still cannot be opened.',
    },
  ];
};

const formatRepair = ({ world }: LibraryAccess, image: Image): ImageRepair[] => {
  const problem = problemOf(image, 'backing-format-missing', 'backing-format-wrong');
  if (problem === undefined || image.backingId === null) return [];
  const overlay = world.record(image.id);
  const { format, certain, why } = backingFormat(overlay, world.record(image.backingId));
  const word = certain ? '' : ' Strata cannot be certain: you have to say it.';
  return [
    {
      ...{ kind: 'record-format', problem: problem.code, format, certain, impediment: unwritable(overlay) },
      title: `Write down that its backing is ${format}`,
      means: `${why}${word} Only the header is written; no contents change.`,
    },
  ];
};

const checkRepair = (image: Image, record: ImageRecord): ImageRepair[] => {
  const flaw = record.facts.flaws.find(({ code }) => code === 'corrupt' || code === 'needs-repair');
  const found = problemOf(image, 'check-leaks', 'check-errors');
  if (flaw === undefined && found === undefined) return [];
  const leaks = found?.code === 'check-leaks' && flaw === undefined;
  const standing = image.usedBy.some(({ kind }) => kind === 'overlay' || kind === 'snapshot');
  const means = leaks
    ? 'Clusters that are taken and used by nothing are given back; no contents change.'
    : 'QEMU decides what is right where tables contradict each other. That may change what the image shows, and cannot be undone: copy the file first.';
  const words = 'Overlays or snapshots stand on it and would show it too. Copy the file and repair the copy.';
  return [
    {
      ...{ kind: 'check', problem: found?.code ?? 'corrupt', repair: leaks ? 'leaks' : 'all' },
      title: leaks ? 'Give lost clusters back' : 'Repair errors',
      means,
      impediment:
        image.format === 'qcow2'
          ? !leaks && standing
            ? words
            : null
          : `QEMU repairs qcow2 images only, and this is ${image.format}.`,
    },
  ];
};

const rememberedWords = (stoodOn: RememberedBacking): NonNullable<ImageRepairs['remembered']> => ({
  path: stoodOn.path,
  format: stoodOn.format,
  virtualSize: stoodOn.virtualSize,
  fileSize: stoodOn.identity.size,
  modifiedAt: new Date(Number(BigInt(stoodOn.identity.mtimeNs) / 1_000_000n)).toISOString(),
  seenAt: stoodOn.seenAt,
});

/** What mends an image, from the library as it is now. Touches nothing. */
export const listRepairs = async (
  access: LibraryAccess,
  id: string,
  folder?: string,
): Promise<ImageRepairs> => {
  const image = access.world.view(id);
  const lost = lostOf(access, id);
  const links = lost === null ? [] : await linkRepairs(access, image, lost, folder);
  return {
    imageId: id,
    problems: image.problems,
    leftAlone: image.leftAlone === true,
    remembered: lost?.remembered == null ? null : rememberedWords(lost.remembered),
    repairs: [...formatRepair(access, image), ...checkRepair(image, access.world.record(id)), ...links],
  };
};

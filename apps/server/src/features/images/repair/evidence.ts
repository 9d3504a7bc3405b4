import type { Image, RelinkCandidate, RepairEvidence } from '@strata/contract';
import { type ContentSample, compareSamples } from '../content-sample.ts';
import type { RememberedBacking } from '../image-memory.ts';
import { type ImageRecord, modifiedMs } from '../image-record.ts';

/** The layer that should be below, from all that is known of it. */
export interface Lost {
  readonly overlay: ImageRecord;
  /** Where the header of the overlay leads. */
  readonly path: string;
  /** Why it cannot be followed there. */
  readonly state: NonNullable<Image['backing']>['state'];
  readonly format: string | null;
  /** From the last time it was there; null: Strata has never seen it. */
  readonly remembered: RememberedBacking | null;
}

interface Weighed extends RepairEvidence {
  readonly points: number;
}

export interface Judged {
  readonly verdict: RelinkCandidate['verdict'];
  readonly evidence: RepairEvidence[];
  readonly points: number;
}

const yes = (points: number, text: string): Weighed => ({ weight: 'for', points, text });
const no = (points: number, text: string): Weighed => ({ weight: 'against', points: -points, text });
const perhaps = (text: string): Weighed => ({ weight: 'neutral', points: 0, text });

const bytes = (count: number): string => `${count.toLocaleString('en')} bytes`;
const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
/** What is looked for: in a circle nothing is lost, and a file that lies outside is where it was. */
const sought = ({ state }: Lost): string => {
  if (state === 'cycle') return 'the file it stood on before';
  return state === 'missing' ? 'the lost file' : 'the file its header names';
};
const driver = (format: string): string => (format === 'iso' ? 'raw' : format);

const isSameInode = (candidate: ImageRecord, lost: RememberedBacking): boolean =>
  candidate.identity.inode === lost.identity.inode &&
  candidate.identity.device === lost.identity.device &&
  candidate.facts.bornNs === lost.bornNs &&
  lost.bornNs !== '0';

const isUntouched = (candidate: ImageRecord, lost: RememberedBacking): boolean =>
  candidate.identity.size === lost.identity.size && candidate.identity.mtimeNs === lost.identity.mtimeNs;

const fromSample = (lost: RememberedBacking, it: string, sample: ContentSample | null): Weighed => {
  if (lost.sample === null || sample === null) return perhaps('Its content could not be compared.');
  const comparison = compareSamples(lost.sample, sample);
  if (comparison === null) return perhaps('As the file has another size, contents could not be compared.');
  const { same, compared, different } = comparison;
  if (compared === 0) return perhaps(`Where ${it} was sampled, both hold only zeros.`);
  if (same) return yes(60, `Its content is the same at all ${compared} places that Strata sampled of ${it}.`);
  return no(100, `Its content differs from ${it} at ${different} of ${compared} sampled places.`);
};

const fromMemory = (candidate: ImageRecord, lost: Lost, sample: ContentSample | null): Weighed[] => {
  const { remembered } = lost;
  const it = sought(lost);
  if (remembered === null)
    return [perhaps(`Strata has never seen ${it}, so there is nothing to compare contents with.`)];
  const untouched = isUntouched(candidate, remembered);
  return [
    ...(isSameInode(candidate, remembered)
      ? [
          untouched
            ? yes(100, `It is ${it} itself under another name, unchanged.`)
            : yes(30, `It is ${it} under another name, but it was written since.`),
        ]
      : []),
    fromSample(remembered, it, sample),
    untouched
      ? yes(15, `The size of the file and the time of its last change are those of ${it}.`)
      : candidate.identity.size === remembered.identity.size
        ? yes(5, `The file is as large as ${it}, but was changed at another time.`)
        : no(
            30,
            `The file has ${bytes(candidate.identity.size)}, ${it} had ${bytes(remembered.identity.size)}.`,
          ),
  ];
};

const fromSize = (candidate: ImageRecord, lost: Lost): Weighed => {
  const { overlay, remembered } = lost;
  const wanted = remembered?.virtualSize ?? overlay.facts.virtualSize;
  const { virtualSize } = candidate.facts;
  const whose = remembered === null ? 'the overlay' : sought(lost);
  if (virtualSize === wanted) return yes(15, `Its disk has ${bytes(wanted)}, like ${whose}.`);
  return no(25, `Its disk has ${bytes(virtualSize)}, and that of ${whose} ${bytes(wanted)}.`);
};

const fromFormat = (candidate: ImageRecord, lost: Lost): Weighed => {
  const { format, remembered } = lost;
  const wanted = format ?? remembered?.format ?? null;
  if (wanted === null) return perhaps(`The header does not tell which format ${sought(lost)} had.`);
  if (driver(candidate.format) === driver(wanted))
    return yes(10, `It is ${driver(wanted)}, as the header says.`);
  return no(30, `It is ${driver(candidate.format)}, and the header says ${driver(wanted)}.`);
};

const fromName = (candidate: ImageRecord, { path }: Lost): Weighed[] =>
  fileName(candidate.path) === fileName(path)
    ? [yes(12, `It is called ${fileName(path)}, as the header says.`)]
    : [];

const fromAge = (candidate: ImageRecord, { overlay }: Lost): Weighed[] => {
  const born = Number(BigInt(overlay.facts.bornNs) / 1_000_000n);
  if (born === 0) return [];
  return modifiedMs(candidate) > modifiedMs(overlay)
    ? [no(5, 'It was written after the overlay was.')]
    : [yes(2, 'It was last written before the overlay was.')];
};

/** Whether nothing is left to doubt: the file itself, or a copy with its size, its time and its sampled contents. */
const isProven = (candidate: ImageRecord, { remembered }: Lost, sample: ContentSample | null): boolean => {
  if (remembered === null || candidate.format !== remembered.format) return false;
  if (!isUntouched(candidate, remembered)) return false;
  if (remembered.sample === null || sample === null) return isSameInode(candidate, remembered);
  return compareSamples(remembered.sample, sample)?.same === true;
};

const verdictOf = (points: number): Judged['verdict'] => {
  if (points >= 60) return 'likely';
  return points >= 15 ? 'possible' : 'unlikely';
};

/** How well a file fits the lost layer, and why, in words. */
export const judge = (candidate: ImageRecord, lost: Lost, sample: ContentSample | null): Judged => {
  const weighed = [
    ...fromMemory(candidate, lost, sample),
    fromSize(candidate, lost),
    fromFormat(candidate, lost),
    ...fromName(candidate, lost),
    ...fromAge(candidate, lost),
  ].sort((one, other) => Math.abs(other.points) - Math.abs(one.points));
  const points = weighed.reduce((sum, evidence) => sum + evidence.points, 0);
  return {
    verdict: isProven(candidate, lost, sample) ? 'proven' : verdictOf(points),
    evidence: weighed.map(({ weight, text }) => ({ weight, text })),
    points,
  };
};

import { chainIds, overlaysOf } from '@strata/backing-chain';
import type { Freeable } from '@strata/contract';
import { voidReason } from '../images/checksum/remembered-checksum.ts';
import type { Remembered } from '../images/image-memory.ts';
import { certaintyOf } from './freeable-certainty.ts';
import type { Survey, SurveyedImage } from './survey.ts';

interface ImageSources {
  readonly survey: Survey;
  remembered(imageId: string): Remembered;
}

/** Less than this is not worth a line. */
export const worthALine = 64 * 1024;

const counted = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${many}`;

/** What an export serves, or an operation works on, with all that is below. */
const heldByOthers = ({ forest }: Survey): ReadonlySet<string> =>
  new Set([...forest.exports, ...forest.operations].flatMap(({ imageId }) => chainIds(forest, imageId)));

const unusedItems = ({ survey }: ImageSources): Freeable[] => {
  const held = heldByOthers(survey);
  return [...survey.images.values()].flatMap(({ record, file, bytes, vms }) => {
    if (file === null || vms.length > 0 || held.has(record.id)) return [];
    const above = overlaysOf(survey.forest, record.id);
    const stands = survey.forest.layers.get(record.id)?.backingState !== 'none';
    const first =
      above.length === 0
        ? 'Move it to the trash'
        : `Delete what stands on it first (${counted(above.length, 'overlay', 'overlays')}, used by nothing either), then move it to the trash`;
    return [
      {
        ...{ key: `unused-${record.id}`, kind: stands ? ('orphan' as const) : ('unused' as const) },
        ...{ name: record.name, bytes, certainty: certaintyOf(survey, file) },
        how: `${first}, and delete it there for good.`,
        loses:
          record.format === 'iso'
            ? 'A medium that no VM has in a drive.'
            : 'What is in it: no VM, no snapshot and no export needs it.',
        link: { to: 'image' as const, imageId: record.id },
      },
    ];
  });
};

/** The formats that have something to give back. */
const isCompactable = ({ record, file }: SurveyedImage): boolean =>
  file !== null && ['qcow2', 'raw'].includes(record.format) && record.facts.flaws.length === 0;

const measureOf = ({ remembered }: ImageSources, { record }: SurveyedImage): Remembered['measured'] => {
  const { measured } = remembered(record.id);
  return measured !== null && voidReason(measured.file, record) === null ? measured : null;
};

const compactItems = (sources: ImageSources): Freeable[] =>
  [...sources.survey.images.values()].filter(isCompactable).flatMap((image) => {
    const measured = measureOf(sources, image);
    if (measured === null || measured.gain < worthALine || image.file === null) return [];
    const { id, name } = image.record;
    return [
      {
        ...{ key: `compact-${id}`, kind: 'compact' as const, name, bytes: measured.gain },
        certainty: measured.exact ? certaintyOf(sources.survey, image.file) : ('up-to' as const),
        how: 'Compact it: zeros and unused clusters are given back.',
        loses: 'Nothing: whoever reads it reads the same.',
        link: { to: 'image' as const, imageId: id },
      },
    ];
  });

const leakItems = ({ survey, remembered }: ImageSources): Freeable[] =>
  [...survey.images.values()].flatMap(({ record, file }) => {
    const { checked } = remembered(record.id);
    if (file === null || checked === null || checked.leakedBytes === 0) return [];
    return [
      {
        ...{
          key: `leaks-${record.id}`,
          kind: 'leaks' as const,
          name: record.name,
          bytes: checked.leakedBytes,
        },
        certainty: 'up-to' as const,
        how: 'Check it, and give the lost clusters back.',
        loses: 'Nothing: nobody uses them.',
        link: { to: 'image' as const, imageId: record.id },
      },
    ];
  });

/** Images that nobody has measured in the state they are in. */
export const unmeasured = (sources: ImageSources): string[] =>
  [...sources.survey.images.values()]
    .filter((image) => isCompactable(image) && measureOf(sources, image) === null)
    .map(({ record }) => record.id);

export const imageItems = (sources: ImageSources): Freeable[] => [
  ...unusedItems(sources),
  ...compactItems(sources),
  ...leakItems(sources),
];

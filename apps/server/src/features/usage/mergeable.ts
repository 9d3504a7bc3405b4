import { chainIds, overlaysOf } from '@strata/backing-chain';
import type { Freeable } from '@strata/contract';
import { worthALine } from './freeable-images.ts';
import type { Survey } from './survey.ts';

const plural = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count} ${many}`;

const bytesOf = ({ images }: Survey, id: string): number => images.get(id)?.bytes ?? 0;

/** The snapshots of a VM: what only they keep. */
const snapshotItems = (survey: Survey): Freeable[] =>
  survey.vms.flatMap(({ id, name, files }) => {
    const marks = survey.forest.snapshots.filter(({ vmId }) => vmId === id);
    const count = new Set(marks.map(({ snapshotId }) => snapshotId)).size;
    const written = new Set(survey.forest.disks.map(({ imageId }) => imageId));
    const layers = new Set(
      marks
        .flatMap(({ imageId }) => chainIds(survey.forest, imageId))
        .filter((layer) => survey.images.get(layer)?.vms.length === 1 && !written.has(layer)),
    );
    const memory = files.filter(
      ({ file, kind }) =>
        kind === 'memory' && marks.some(({ snapshotId }) => file.path.includes(`/memory/${snapshotId}.`)),
    );
    const bytes =
      [...layers].reduce((sum, layer) => sum + bytesOf(survey, layer), 0) +
      memory.reduce((sum, { file }) => sum + file.bytes, 0);
    if (count === 0 || bytes < worthALine) return [];
    return [
      {
        ...{ key: `snapshots-${id}`, kind: 'snapshots' as const, name, bytes, certainty: 'up-to' as const },
        how: `Delete some of its ${plural(count, 'snapshot', 'snapshots')}; the plan says what each frees. What later states need of their layers is kept.`,
        loses: 'The restore points that you delete.',
        link: { to: 'snapshots' as const, vmId: id },
      },
    ];
  });

/** Two layers that are no restore points and stand on each other alone hold nothing apart from each other. */
const mergeItems = (survey: Survey): Freeable[] => {
  const { forest } = survey;
  const kept = new Set([...forest.snapshots, ...forest.exports].map(({ imageId }) => imageId));
  return forest.disks.flatMap(({ vmId, vmName, diskId, imageId }) => {
    const chain = chainIds(forest, imageId);
    const pairs = chain.flatMap((upper, index) => {
      const lower = chain[index + 1];
      const alone = lower !== undefined && !kept.has(lower) && overlaysOf(forest, lower).length === 1;
      return alone && survey.images.get(lower)?.vms.length === 1 ? [[upper, lower] as const] : [];
    });
    const bytes = pairs.reduce(
      (sum, [upper, lower]) => sum + Math.min(bytesOf(survey, upper), bytesOf(survey, lower)),
      0,
    );
    if (bytes < worthALine) return [];
    return [
      {
        ...{
          key: `merge-${diskId}`,
          kind: 'merge' as const,
          name: vmName,
          bytes,
          certainty: 'up-to' as const,
        },
        how: `Commit or pull: ${plural(pairs.length, 'layer', 'layers')} of its disk ${pairs.length === 1 ? 'is' : 'are'} no restore point. What a layer above hides is freed.`,
        loses: 'Nothing: the disk reads the same.',
        link: { to: 'layers' as const, vmId, imageId },
      },
    ];
  });
};

/** Standing alone has a price as long as others need what is below. */
const flattenItems = (survey: Survey): Freeable[] => {
  const { forest } = survey;
  const byBase = new Map<string, { disks: number; most: number }>();
  for (const { imageId } of forest.disks) {
    const below = chainIds(forest, imageId).slice(1);
    const shared = below.filter((id) => (survey.images.get(id)?.vms.length ?? 0) > 1);
    const base = shared.at(-1);
    if (base === undefined) continue;
    const cost = shared.reduce((sum, id) => sum + bytesOf(survey, id), 0);
    const known = byBase.get(base) ?? { disks: 0, most: 0 };
    byBase.set(base, { disks: known.disks + 1, most: Math.max(known.most, cost) });
  }
  return [...byBase].map(([id, { disks, most }]) => ({
    ...{ key: `flatten-${id}`, kind: 'flatten' as const, name: survey.images.get(id)?.record.name ?? id },
    ...{ bytes: 0, certainty: 'exact' as const, costs: most },
    how: `Flattening frees nothing here: ${plural(disks, 'disk stands', 'disks stand')} on it and share what it holds. Each that is flattened takes a copy of its own.`,
    loses: 'Space. What is won is a disk that stands alone.',
    link: { to: 'image' as const, imageId: id },
  }));
};

export const mergeable = (survey: Survey): Freeable[] => [
  ...snapshotItems(survey),
  ...mergeItems(survey),
  ...flattenItems(survey),
];

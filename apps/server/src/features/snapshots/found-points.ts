import { chainIds, type Forest, type LayerId, unclaimedTags } from '@strata/backing-chain';
import type { FoundSnapshot, Image, Vm } from '@strata/contract';
import { ambiguity } from './internal/tag-blockers.ts';

/*
 * Restore points that other tools made: tags inside the layers of a VM's disks (`savevm`, `qemu-img snapshot -c`), and
 * layers frozen by an overlay that somebody made by hand. No snapshot of anybody shows them yet.
 */

type ImageOf = (id: LayerId) => Pick<Image, 'name' | 'modifiedAt' | 'internalSnapshots'>;
type Place = FoundSnapshot['disks'][number];

const chainsOf = (forest: Forest, vm: Pick<Vm, 'disks'>): { diskId: string; layers: readonly LayerId[] }[] =>
  vm.disks.map(({ id, imageId }) => ({ diskId: id, layers: chainIds(forest, imageId) }));

/** Each name, with the layers of each disk that have it, the highest first. */
const placesByTag = (forest: Forest, vm: Pick<Vm, 'disks'>): Map<string, Place[][]> => {
  const byTag = new Map<string, Place[][]>();
  for (const { diskId, layers } of chainsOf(forest, vm)) {
    const ofDisk = new Map<string, Place[]>();
    for (const imageId of layers)
      for (const tag of new Set(unclaimedTags(forest, imageId)))
        ofDisk.set(tag, [...(ofDisk.get(tag) ?? []), { diskId, imageId }]);
    for (const [tag, places] of ofDisk) byTag.set(tag, [...(byTag.get(tag) ?? []), places]);
  }
  return byTag;
};

/** With memory QEMU writes one time into all disks; by hand they are taken one after the other. */
const byHandMs = 60_000;

type Tagged = (
  place: Place,
) => Pick<Image['internalSnapshots'][number], 'createdAt' | 'vmStateSize'> | undefined;

const isOneMoment = (tagged: Tagged, one: Place, other: Place): boolean => {
  const [first, second] = [tagged(one), tagged(other)];
  if (first?.createdAt == null || second?.createdAt == null) return true;
  const apart = Math.abs(Date.parse(first.createdAt) - Date.parse(second.createdAt));
  return apart <= (first.vmStateSize > 0 || second.vmStateSize > 0 ? 0 : byHandMs);
};

/** The same name of the same moment in all disks is one restore point; in several layers of a disk it is as many. */
const restorePoints = (places: readonly Place[][], tagged: Tagged): Place[][] => {
  const left = places.map((ofDisk) => [...ofDisk]);
  const points: Place[][] = [];
  for (const [disk, ofDisk] of left.entries())
    for (const first of ofDisk) {
      const others = left.slice(disk + 1).flatMap((ofOther) => {
        const index = ofOther.findIndex((other) => isOneMoment(tagged, first, other));
        return index < 0 ? [] : ofOther.splice(index, 1);
      });
      points.push([first, ...others]);
    }
  return points;
};

const impediment = (
  vm: Pick<Vm, 'disks'>,
  images: ImageOf,
  disks: readonly Place[],
  { tag, memory }: { tag: string; memory: boolean },
): string | null => {
  if (tag === '') return 'It has no name by which it could be told. Its disks can be extracted as images.';
  for (const { imageId } of disks) {
    const { name, internalSnapshots } = images(imageId);
    const reason = ambiguity(internalSnapshots, tag);
    if (reason !== null) return `“${name}” ${reason}`;
  }
  return memory && disks.length < vm.disks.length
    ? 'It holds memory, and not every disk of the VM has a part of it: memory would find other disks than it remembers. Its disks can be extracted as images.'
    : null;
};

const tagged = (vm: Pick<Vm, 'disks'>, images: ImageOf, tag: string, disks: Place[]): FoundSnapshot[] => {
  const [first] = disks;
  if (first === undefined) return [];
  const parts = disks.flatMap(
    ({ imageId }) => images(imageId).internalSnapshots.find((known) => known.tag === tag) ?? [],
  );
  // QEMU numbers them all: without a number it is a table that was read while it was written. The next look knows more.
  if (parts.every(({ id }) => id === '')) return [];
  const memory = parts.some(({ vmStateSize }) => vmStateSize > 0);
  const createdAt = parts.flatMap(({ createdAt: at }) => at ?? []).toSorted()[0];
  const reason = impediment(vm, images, disks, { tag, memory });
  return [
    {
      ...{ kind: 'internal', tag, name: tag, ...first, disks, memory },
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(reason === null ? { possible: true } : { possible: false, reason }),
    },
  ];
};

const frozen = (forest: Forest, vm: Pick<Vm, 'disks'>, images: ImageOf): FoundSnapshot[] => {
  const shown = new Set(
    forest.snapshots.flatMap(({ imageId, internalTag }) => (internalTag === undefined ? [imageId] : [])),
  );
  return chainsOf(forest, vm).flatMap(({ diskId, layers }) =>
    layers.slice(1).flatMap((imageId): FoundSnapshot[] => {
      if (shown.has(imageId)) return [];
      const { name, modifiedAt } = images(imageId);
      const place = { diskId, imageId };
      return [
        {
          ...{ kind: 'overlay', name, ...place },
          disks: [place],
          createdAt: modifiedAt,
          memory: false,
          possible: true,
        },
      ];
    }),
  );
};

export const foundPoints = (forest: Forest, vm: Pick<Vm, 'disks'>, images: ImageOf): FoundSnapshot[] => [
  ...[...placesByTag(forest, vm)].flatMap(([tag, places]) =>
    restorePoints(places, ({ imageId }) =>
      images(imageId).internalSnapshots.find((known) => known.tag === tag),
    ).flatMap((disks) => tagged(vm, images, tag, disks)),
  ),
  ...frozen(forest, vm, images),
];

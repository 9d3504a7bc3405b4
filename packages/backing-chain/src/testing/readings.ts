import { type Model, readAll, readInternal } from './model.ts';

/** Who reads what: the key names a reader, the value is what it reads. */
export type Readings = ReadonlyMap<string, readonly number[]>;

/** Everything that product.md's rule 1 protects: disks, media, external and internal snapshots, each image for itself, deleted ones too. */
export function readingsOf(model: Model): Readings {
  const readings = new Map<string, readonly number[]>();
  const claimed = new Set(
    model.snapshots.flatMap((snapshot) =>
      snapshot.disks.map((disk) => `${disk.imageId}:${disk.internalTag}`),
    ),
  );
  for (const image of model.images) {
    readings.set(`${image.trashed === true ? 'trash' : 'image'} ${image.id}`, readAll(model, image.id));
    for (const { tag } of image.internal.filter((item) => !claimed.has(`${image.id}:${item.tag}`)))
      readings.set(`tag ${image.id}:${tag}`, readInternal(model, image.id, tag));
  }
  for (const vm of model.vms) {
    for (const disk of vm.disks) readings.set(`disk ${vm.id} ${disk.diskId}`, readAll(model, disk.imageId));
    for (const use of vm.media) {
      const image = model.images.find((candidate) => candidate.id === use.imageId);
      readings.set(`media ${vm.id} ${use.slot}`, image === undefined ? [] : readAll(model, image.id));
    }
  }
  for (const snapshot of model.snapshots)
    for (const disk of snapshot.disks)
      readings.set(
        `snapshot ${snapshot.id} ${disk.diskId}`,
        disk.internalTag === undefined
          ? readAll(model, disk.imageId)
          : readInternal(model, disk.imageId, disk.internalTag),
      );
  return readings;
}

interface Losses {
  /** Images that go, and the one that is written. */
  readonly images: readonly string[];
  readonly snapshots: readonly string[];
}

/** The readers that read other bytes than before, or are gone, though the plan did not name them as lost. */
export function brokenPromises(before: Readings, after: Readings, losses: Losses): readonly string[] {
  const images = new Set(losses.images);
  const snapshots = new Set(losses.snapshots);
  return [...before]
    .filter(([reader, value]) => {
      const [kind, id = ''] = reader.split(' ');
      if (kind === 'image' && images.has(id)) return false;
      if ((kind === 'snapshot' || kind === 'tag') && snapshots.has(id)) return false;
      const now = after.get(reader);
      return now === undefined || now.length !== value.length || now.some((item, at) => item !== value[at]);
    })
    .map(([reader]) => reader);
}

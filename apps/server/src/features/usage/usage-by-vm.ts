import type { UsedByVm } from '@strata/contract';
import type { Survey, SurveyedImage, SurveyedVm } from './survey.ts';

/** Of one file under several names, as branches share a memory: the VMs that have one of them. */
const ownersOfFiles = (vms: readonly SurveyedVm[]): Map<string, Set<string>> => {
  const owners = new Map<string, Set<string>>();
  for (const { id, files } of vms)
    for (const { file } of files) owners.set(file.key, (owners.get(file.key) ?? new Set()).add(id));
  return owners;
};

/** Images by the VM that needs them; those that several need are with each of these. */
const imagesOfVms = (images: Iterable<SurveyedImage>): Map<string, SurveyedImage[]> => {
  const found = new Map<string, SurveyedImage[]>();
  for (const image of images) for (const vm of image.vms) found.set(vm, [...(found.get(vm) ?? []), image]);
  return found;
};

/** What each VM would take with it, and what it needs together with others. Largest first. */
export const usageByVm = ({ vms, images, forest }: Survey): UsedByVm[] => {
  const names = new Map(vms.map(({ id, name }) => [id, name]));
  const owners = ownersOfFiles(vms);
  const needed = imagesOfVms(images.values());
  const written = new Set([...forest.disks, ...forest.media].map(({ imageId }) => imageId));
  const usageOf = ({ id, name, files }: SurveyedVm): UsedByVm => {
    const parts = { disks: 0, snapshots: 0, memory: 0, firmware: 0, other: 0 };
    const others = new Set<string>();
    let shared = 0;
    for (const image of needed.get(id) ?? []) {
      if (image.vms.length > 1) {
        shared += image.bytes;
        for (const vm of image.vms) others.add(vm);
      } else parts[written.has(image.record.id) ? 'disks' : 'snapshots'] += image.bytes;
    }
    const seen = new Set<string>();
    for (const { file, kind } of files) {
      if (seen.has(file.key)) continue;
      seen.add(file.key);
      const sharers = owners.get(file.key) ?? new Set();
      if (sharers.size > 1) {
        shared += file.bytes;
        for (const vm of sharers) others.add(vm);
      } else parts[kind] += file.bytes;
    }
    others.delete(id);
    return {
      ...{ vmId: id, name, parts, shared },
      own: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
      sharedWith: [...others].map((vm) => names.get(vm) ?? vm).sort(),
    };
  };
  return vms
    .map(usageOf)
    .sort(
      (one, other) => other.own + other.shared - (one.own + one.shared) || (one.name < other.name ? -1 : 1),
    );
};

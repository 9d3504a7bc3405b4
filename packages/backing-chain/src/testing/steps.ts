import { planCommit } from '../operations/commit.ts';
import { planCompact } from '../operations/compact.ts';
import { planDelete } from '../operations/delete-layer.ts';
import { planDeleteSnapshots } from '../operations/delete-snapshots.ts';
import { planPromote } from '../operations/promote.ts';
import { planFlatten, planPull } from '../operations/pull.ts';
import { planRebase } from '../operations/rebase.ts';
import { planRevert } from '../operations/revert.ts';
import { type ChainPlan, type CompactUsage, isRefusal, type Refusal } from '../plan.ts';
import { applyDeleteSnapshots, applyPlan, applyRevert } from './apply.ts';
import {
  commitRequestOf,
  deleteRequestOf,
  isDisposable,
  promoteRequestOf,
  pullRequestOf,
  rebaseRequestOf,
  revertRequestOf,
  type Step,
  snapshotsRequestOf,
  writableActives,
} from './generators.ts';
import { allocationOf, forestOf, imageOf, type Model, type ModelImage, readAll } from './model.ts';

const overlay = (model: Model, id: string, backing: string): ModelImage => ({
  id,
  format: 'qcow2',
  length: imageOf(model, backing).length,
  backing,
  clusters: {},
  internal: [],
});

function write(model: Model, step: Step, number: number): Model {
  const actives = writableActives(model);
  const id = actives[step.first % actives.length];
  if (id === undefined) return model;
  const image = imageOf(model, id);
  const clusters = { ...image.clusters, [step.second % image.length]: step.flag ? 1 + (number % 255) : 0 };
  return {
    ...model,
    images: model.images.map((other) => (other.id === id ? { ...image, clusters } : other)),
  };
}

/** All disks of a VM at once: what they wrote is frozen, and each goes on in a new overlay. */
function snapshot(model: Model, step: Step, number: number): Model {
  const vm = model.vms[step.first % model.vms.length];
  if (vm === undefined || vm.suspended) return model;
  const fresh = vm.disks.map((disk) => overlay(model, `n${number}${disk.diskId}`, disk.imageId));
  const disks = vm.disks.map(({ diskId }) => ({ diskId, imageId: `n${number}${diskId}` }));
  return {
    ...model,
    images: [...model.images, ...fresh],
    vms: model.vms.map((other) => (other.id === vm.id ? { ...vm, disks } : other)),
    snapshots: [...model.snapshots, { id: `s-${number}`, vmId: vm.id, disks: vm.disks }],
  };
}

function branch(model: Model, step: Step, number: number): Model {
  const layers = model.images.filter((image) => image.trashed !== true);
  const backing = layers[step.first % layers.length];
  if (backing === undefined) return model;
  return { ...model, images: [...model.images, overlay(model, `b${number}`, backing.id)] };
}

/** Under the guest's feet: what its active layers held stays readable under a name, in the same files. */
function tag(model: Model, step: Step, number: number): Model {
  const actives = new Set(writableActives(model));
  const vm = model.vms[step.first % model.vms.length];
  if (vm === undefined || !vm.disks.every(({ imageId }) => actives.has(imageId))) return model;
  const name = `t${number}`;
  const tagged = new Set(vm.disks.map(({ imageId }) => imageId));
  const images = model.images.map((image) =>
    tagged.has(image.id) && image.format === 'qcow2'
      ? {
          ...image,
          internal: [...image.internal, { tag: name, length: image.length, clusters: image.clusters }],
        }
      : image,
  );
  // One that Strata took is a restore point; one that another program took is not.
  const isOurs = step.flag && vm.disks.every(({ imageId }) => imageOf(model, imageId).format === 'qcow2');
  const disks = vm.disks.map((disk) => ({ ...disk, internalTag: name }));
  const snapshots = isOurs ? [{ id: `s-${number}`, vmId: vm.id, disks }] : [];
  return { ...model, images, snapshots: [...model.snapshots, ...snapshots] };
}

/** The disks of a snapshot, or of a frozen layer, become those of another VM: on overlays of its own. */
function clone(model: Model, step: Step, number: number): Model {
  const frozen = model.snapshots.filter(({ disks }) => disks.every((disk) => disk.internalTag === undefined));
  const source = frozen[step.first % frozen.length];
  if (source === undefined || model.vms.length > 5) return model;
  const fresh = source.disks.map((disk) => overlay(model, `c${number}${disk.diskId}`, disk.imageId));
  const disks = source.disks.map(({ diskId }) => ({ diskId, imageId: `c${number}${diskId}` }));
  const vm = { id: `vm${number}`, running: false, suspended: false, disks, media: [] };
  return { ...model, images: [...model.images, ...fresh], vms: [...model.vms, vm] };
}

/** All that an image shows, in a file that stands on nothing; or its file alone, on the same backing. */
function copy(model: Model, step: Step, number: number): Model {
  const layers = model.images.filter((image) => image.trashed !== true);
  const image = layers[step.first % layers.length];
  if (image === undefined || layers.length > 12) return model;
  const whole = { backing: null, clusters: { ...readAll(model, image.id) }, internal: [] };
  const made = { ...image, id: `f${number}`, ...(step.flag ? whole : {}) };
  return { ...model, images: [...model.images, made] };
}

const worthIt: CompactUsage = {
  ...{ storedBytes: 1024 ** 3, dataBytes: 0, zeroBytes: 0, neededBytes: 0, exact: true, scannedBytes: 0 },
  ...{ compressed: false, bitmaps: 0, otherNames: 0 },
};

const marked = (model: Model, image: ModelImage | undefined, trashed: boolean): Model => ({
  ...model,
  images: model.images.map((other) => (other === image ? { ...other, trashed } : other)),
});

function trash(model: Model, step: Step): Model {
  const unused = model.images.filter((image) => image.trashed !== true && isDisposable(model, image.id));
  return unused.length === 0 || model.images.length < 3
    ? model
    : marked(model, unused[step.first % unused.length], true);
}

/** What it stands on must be there again first. */
function restore(model: Model, step: Step): Model {
  const back = model.images.filter(
    ({ trashed, backing }) =>
      trashed === true && (backing === null || imageOf(model, backing).trashed !== true),
  );
  return back.length === 0 ? model : marked(model, back[step.first % back.length], false);
}

const runnable = (model: Model, plan: ChainPlan | Refusal): Model =>
  isRefusal(plan) || plan.blockers.length > 0 ? model : applyPlan(model, plan).model;

function revert(model: Model, step: Step, number: number): Model {
  const request = revertRequestOf(model, step);
  const plan = request === null ? null : planRevert(forestOf(model), request);
  if (plan === null || isRefusal(plan) || plan.blockers.length > 0) return model;
  return applyRevert(model, plan, `k-${number}`, (diskId) => `r${number}${diskId}`);
}

function promote(model: Model, step: Step, number: number): Model {
  const request = promoteRequestOf(model, step);
  const plan = request === null ? null : planPromote(forestOf(model), request);
  if (plan === null || isRefusal(plan) || plan.blockers.length > 0) return model;
  return applyRevert(model, plan, `k-${number}`, (diskId) => `p${number}${diskId}`);
}

function deleteSnapshots(model: Model, step: Step): Model {
  const request = snapshotsRequestOf(model, step);
  const world = { forest: forestOf(model), allocation: allocationOf(model) };
  const plan = request === null ? null : planDeleteSnapshots(world, request);
  if (plan === null || isRefusal(plan) || plan.blockers.length > 0) return model;
  return applyDeleteSnapshots(model, plan).model;
}

/** The model after one step; unchanged where the planner refuses it or nothing fits. `number` makes new names unique. */
export function applyStep(model: Model, step: Step, number: number): Model {
  switch (step.kind) {
    case 'write':
      return write(model, step, number);
    case 'snapshot':
      return snapshot(model, step, number);
    case 'branch':
      return branch(model, step, number);
    case 'revert':
      return revert(model, step, number);
    case 'promote':
      return promote(model, step, number);
    case 'trash':
      return trash(model, step);
    case 'restore':
      return restore(model, step);
    case 'commit': {
      const request = commitRequestOf(model, step);
      return request === null
        ? model
        : runnable(model, planCommit(forestOf(model), allocationOf(model), request));
    }
    case 'forget':
      return deleteSnapshots(model, step);
    case 'tag':
      return tag(model, step, number);
    case 'clone':
      return clone(model, step, number);
    case 'copy':
      return copy(model, step, number);
    case 'flatten':
    case 'compact': {
      const layer = model.images[step.first % model.images.length]?.id ?? '';
      const forest = forestOf(model);
      return runnable(
        model,
        step.kind === 'compact'
          ? planCompact(forest, worthIt, { layer })
          : planFlatten(forest, allocationOf(model), layer),
      );
    }
    case 'pull': {
      const request = pullRequestOf(model, step);
      return request === null
        ? model
        : runnable(model, planPull(forestOf(model), allocationOf(model), request));
    }
    case 'delete': {
      const request = deleteRequestOf(model, step);
      return request === null
        ? model
        : runnable(model, planDelete(forestOf(model), allocationOf(model), request));
    }
    case 'rebase': {
      // A relink is legal by content only, which the operation itself compares.
      const request = rebaseRequestOf(model, { ...step, flag: true });
      return request === null
        ? model
        : runnable(model, planRebase(forestOf(model), allocationOf(model), request));
    }
  }
}

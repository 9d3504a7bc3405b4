import { planCommit } from '../operations/commit.ts';
import { planDelete } from '../operations/delete-layer.ts';
import { planPromote } from '../operations/promote.ts';
import { planPull } from '../operations/pull.ts';
import { planRebase } from '../operations/rebase.ts';
import { planRevert } from '../operations/revert.ts';
import { type ChainPlan, isRefusal, type Refusal } from '../plan.ts';
import { applyPlan, applyRevert } from './apply.ts';
import {
  commitRequestOf,
  deleteRequestOf,
  isDisposable,
  promoteRequestOf,
  pullRequestOf,
  rebaseRequestOf,
  revertRequestOf,
  type Step,
  writableActives,
} from './generators.ts';
import { allocationOf, forestOf, imageOf, type Model, type ModelImage } from './model.ts';

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

import { isRefusal, type PromotePlan, planPromote } from '@strata/backing-chain';
import { keptName, type Plan, type PromoteRequest, type Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import type { Promotions } from '../chains/chains.types.ts';
import { taintBlockers } from '../chains/taint-blockers.ts';
import { openBlockers } from './held-layers.ts';
import { snapshotNames } from './kept-as.ts';
import { keptVars } from './kept-vars.ts';
import { type PromoteWords, promoteSteps } from './promote-view.ts';
import { promoteExecutor } from './revert.executor.ts';
import { continueView, revertFingerprint } from './revert-view.ts';
import { screenshotFiles } from './screenshot-files.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { SnapshotsDeps } from './snapshots.service.ts';
import { demandSettled } from './vm-settled.ts';

interface Planned {
  readonly lookedAt: number;
  readonly vm: Vm;
  readonly plan: PromotePlan;
  readonly words: PromoteWords;
  readonly view: Plan;
}

/** Registers its executor; create it once, before operations are recovered. */
export const createPromotions = (deps: SnapshotsDeps): Promotions => {
  const { db, images, vms, operations, engines, events, dataDir } = deps;
  const repository = snapshotsRepository(db);
  operations.register(
    promoteExecutor({
      ...{ images, vms, engines, repository },
      screenshots: screenshotFiles(dataDir),
      vars: keptVars(dataDir),
      publish: (id, change) => events.publish({ type: 'snapshot', id, change }),
    }),
  );

  /** What the planner cannot know: a half-changed layer, and programs that have a file open. */
  const furtherBlockers = async ({ vm, overlays, switches, after }: PromotePlan) => {
    const layers = after.flat().filter((id) => images.forest().layers.has(id));
    const tainted = taintBlockers(layers, 'other', operations.taints.list(), images);
    const left = vms.live(vm.vmId) === null ? [...overlays, ...switches].map(({ from }) => from) : [];
    return [...tainted, ...(await openBlockers(images, [...left, ...switches.map(({ to }) => to)]))];
  };

  const startOf = (vm: Vm, { start }: PromoteRequest): PromoteWords['start'] => {
    if (start !== undefined) return start ? 'running' : 'no';
    if (vm.state === 'paused') return 'paused';
    return vms.live(vm.id) === null ? 'no' : 'running';
  };

  const compute = async (request: PromoteRequest): Promise<Planned> => {
    const vm = vms.get(request.vmId);
    const lookedAt = operations.look();
    await images.scan();
    const answer = planPromote(images.forest(), request);
    if (isRefusal(answer))
      throw new AppError(
        answer.code === 'unknown-layer' || answer.code === 'unknown-disk' ? 'not-found' : 'not-possible',
        answer.message,
      );
    // Throws when a header must not be followed: a damaged layer is nothing to continue from.
    for (const { imageId } of request.disks) await images.checkedChain(imageId);
    const further = await furtherBlockers(answer);
    const plan = { ...answer, blockers: [...answer.blockers, ...further] };
    const target = images.facts(request.disks[0]?.imageId ?? '').name;
    const words: PromoteWords = {
      keepName: request.keepCurrent
        ? (request.name ?? keptName('continuing on', target, snapshotNames(db, vm.id)))
        : null,
      start: startOf(vm, request),
      standsAt: plan.snapshotId === null ? null : (repository.find(plan.snapshotId)?.name ?? null),
    };
    const forest = images.forest();
    const { keepCurrent, overlay, disks } = request;
    const fingerprint = await revertFingerprint(forest, plan, { keepCurrent, overlay, disks });
    const steps = promoteSteps(forest, plan, words).map(({ text }) => text);
    const view = {
      ...continueView(forest, plan, words.keepName, { fingerprint, steps }),
      leavesSnapshots: plan.leavesSnapshots.map((snapshot) => ({ ...snapshot })),
    };
    return { lookedAt, vm, plan, words, view };
  };

  return {
    plan: async (request) => (await compute(request)).view,
    run: async (request, fingerprint) => {
      demandSettled(vms.get(request.vmId));
      const { lookedAt, vm, plan, words, view } = await compute(request);
      if (view.fingerprint !== fingerprint)
        throw new AppError(
          'plan-stale',
          'Layers, snapshots or the VM have changed since this plan was made. Look at the new plan.',
        );
      if (view.blockers.length > 0)
        throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
          blockers: view.blockers,
        });
      const { keepName } = words;
      const vmWasOff = vms.live(vm.id) === null;
      const steps = promoteSteps(images.forest(), plan, words);
      const changes = [...plan.overlays, ...plan.switches];
      const name = (id: string): string => images.facts(id).name;
      const targets = request.disks.map(({ imageId }) => imageId);
      return operations.start({
        kind: 'promote',
        title: `Let “${vm.name}” continue on ${targets.map((id) => `“${name(id)}”`).join(', ')}`,
        request: {
          ...{ vmId: vm.id, vmName: vm.name, snapshotId: plan.snapshotId, start: words.start },
          keep: keepName === null ? null : { id: newId(), name: keepName, vmWasOff, disks: plan.keeps },
          overlays: plan.overlays.map(({ diskId, from, backing }) => ({ diskId, from, backing })),
          switches: plan.switches,
          deletes: [],
          order: steps.map(({ step }) => step),
        },
        journal: { phase: 'new', known: {}, overlays: [], screenshot: null },
        steps: steps.map(({ text }) => text),
        subjects: [
          { kind: 'vm', id: vm.id, name: vm.name },
          ...targets.map((id) => ({ kind: 'image' as const, id, name: name(id) })),
        ],
        locks: {
          images: [...changes.map(({ from }) => from), ...plan.switches.map(({ to }) => to)],
          reads: plan.overlays.map(({ backing }) => backing),
          vms: [vm.id],
        },
        unit: 'steps',
        total: steps.length,
        cancelNote: null,
        lookedAt,
      });
    },
  };
};

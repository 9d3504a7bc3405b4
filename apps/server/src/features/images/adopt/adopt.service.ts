import type { AdoptFolder, AdoptPlan, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import { backingFormat } from '../backing-format.ts';
import { stemOf } from '../image-names.ts';
import type { ImagesFeature } from '../images.service.ts';
import { vmsOn } from '../work/image-work.service.ts';
import { type AdoptRun, adoptExecutor } from './adopt.executor.ts';
import { chainBelow } from './adopt-image.ts';
import { type PlannedAdoption, planAdopt } from './plan-adopt.ts';

export interface AdoptService {
  /** Touches nothing. */
  plan(wish: AdoptFolder): Promise<AdoptPlan>;
  /** Throws `plan-stale`, `plan-blocked`, `disk-full`, `operation-running`. */
  run(wish: AdoptFolder, fingerprint: string): Promise<Operation>;
}

export interface AdoptDeps {
  readonly library: Pick<
    ImagesFeature,
    'images' | 'folders' | 'newFiles' | 'moveFiles' | 'linkFiles' | 'access'
  >;
  readonly operations: OperationsService;
}

const runOf = ({ survey, plan, upwards, place }: PlannedAdoption): AdoptRun => {
  const { world, outside } = survey;
  const placed = upwards.filter(({ image }) => image.action === 'copy' || image.action === 'move');
  const written = upwards.filter(({ image }) => image.recordFormat !== null && image.action !== 'copy');
  const elsewhere = outside.flatMap(({ path, record }) =>
    record !== null && plan.outside.some((each) => each.path === path && each.action === 'register')
      ? [record]
      : [],
  );
  // Bases first, so that what stands on another finds it in the library.
  const lone = elsewhere.sort(
    (one, other) => chainBelow(world, one.id).members.length - chainBelow(world, other.id).members.length,
  );
  const moves = placed.filter(({ image }) => image.action === 'move');
  return {
    path: plan.path,
    registersFolder: plan.registersFolder,
    files: [...placed, ...written].map(({ record }) => ({ path: record.path, identity: record.identity })),
    registers: [...lone, ...moves.map(({ record }) => record)].map(({ path, id }) => ({ path, id })),
    formats: written.flatMap(({ image, record }) => {
      const { backing } = record.facts;
      if (backing === null || image.recordFormat === null) return [];
      const after = { name: backing.string, format: image.recordFormat };
      return [{ path: record.path, before: backing, after }];
    }),
    copies: placed
      .filter(({ image }) => image.action === 'copy')
      .map(({ record }) => {
        const { backingId } = world.relation(record.id);
        const below = backingId === null ? null : world.record(backingId);
        const backing =
          below === null ? null : { path: below.path, format: backingFormat(record, below).format };
        const [name, format, bytes] = [stemOf(record.path), record.format, record.facts.allocatedSize];
        return { path: record.path, name, folder: plan.folder ?? '', format, backing, bytes };
      }),
    moves: moves.flatMap(({ image, record }) =>
      image.target === null ? [] : [{ path: record.path, target: image.target }],
    ),
    ...(place === null ? {} : { place }),
    tag: newId(),
  };
};

const cancelNotes = {
  register:
    'What is registered by then stays registered, and headers that were written stay so; no contents change.',
  copy: 'What was copied so far is removed; the originals are not touched.',
  move: 'What was moved so far stays where it is then, and the rest where it was; every chain is whole.',
};

/** Registers its executor; create it once, before operations are recovered. */
export const createAdoptService = ({ library, operations }: AdoptDeps): AdoptService => {
  const { access, images } = library;
  operations.register(adoptExecutor(library));

  const planned = async (wish: AdoptFolder): Promise<PlannedAdoption> => {
    await images.scan();
    return planAdopt(access, wish);
  };

  return {
    plan: async (wish) => (await planned(wish)).plan,
    run: async (wish, fingerprint) => {
      const lookedAt = operations.look();
      const found = await planned(wish);
      const { plan, survey, upwards } = found;
      if (plan.fingerprint !== fingerprint)
        throw new AppError(
          'plan-stale',
          'The folder has changed since this plan was made. Look at the new plan.',
        );
      const full = plan.blockers.find(({ code }) => code === 'disk-full');
      if (full !== undefined) throw new AppError('disk-full', full.message);
      if (plan.blockers.length > 0)
        throw new AppError('plan-blocked', plan.blockers.map(({ message }) => message).join(' '), {
          blockers: plan.blockers,
        });
      const request = runOf(found);
      const changed = upwards.filter(({ image }) => image.action === 'move' || image.recordFormat !== null);
      const read = upwards.flatMap(({ record }) => chainBelow(survey.world, record.id).members);
      const own = new Set(changed.map(({ record }) => record.id));
      const known = changed.filter(({ image }) => image.imageId !== null);
      const vms = new Map(
        known.flatMap(({ record }) => vmsOn(images.forest(), record.id).map((vm) => [vm.vmId, vm])),
      );
      return operations.start({
        kind: 'folder-adopt',
        title: `Adopt the folder ${plan.path}`,
        request,
        journal: { phase: 'new', copied: [], file: null, moved: 0, move: null },
        steps: plan.steps,
        subjects: [
          ...known.map(({ record }) => ({ kind: 'image' as const, id: record.id, name: record.name })),
          ...[...vms.values()].map(({ vmId, vmName }) => ({ kind: 'vm' as const, id: vmId, name: vmName })),
        ],
        locks: {
          images: [...own],
          reads: [...new Set(read.map(({ id }) => id))].filter((id) => !own.has(id)),
          vms: [...vms.keys()],
        },
        unit: request.copies.length > 0 ? 'bytes' : 'steps',
        total: request.copies.length > 0 ? plan.bytesToCopy : Math.max(1, request.moves.length),
        cancelNote: cancelNotes[wish.mode],
        lookedAt,
      });
    },
  };
};

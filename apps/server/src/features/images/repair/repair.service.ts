import { dirname } from 'node:path';
import type { ImageRepairs, Operation, RepairAnswer, RepairImage } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { relativeBacking } from '../../../backing-link.ts';
import type { ChainsService } from '../../chains/chains.types.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import { backingFormat } from '../backing-format.ts';
import { visibleChain } from '../chain-facts.ts';
import { realFilePath } from '../forbidden-paths.ts';
import type { ImagesFeature } from '../images.service.ts';
import { inspectNamed, registerImage } from '../import-images.ts';
import type { LinkChange } from '../link-files.ts';
import { newRecord } from '../read-record.ts';
import { demandIdle, vmsOn } from '../work/image-work.service.ts';
import type { Lost } from './evidence.ts';
import { type Candidate, judgeCandidate } from './find-candidates.ts';
import { linkExecutor } from './link.executor.ts';
import { listRepairs, lostOf, othersWith, relinkImpediment, unwritable } from './list-repairs.ts';

type Wish<Kind extends RepairImage['repair']> = Extract<RepairImage, { repair: Kind }>;

export interface RepairService {
  /** `folder`: where the lost backing is looked for too. Touches nothing. */
  list(id: string, folder?: string): Promise<ImageRepairs>;
  repair(id: string, wish: RepairImage): Promise<RepairAnswer>;
}

export interface RepairDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'linkFiles' | 'access'>;
  readonly chains: ChainsService;
  readonly operations: OperationsService;
}

const impossible = (message: string): AppError => new AppError('not-possible', message);

/** Registers its executor; create it once, before operations are recovered. */
export const createRepairService = ({ library, chains, operations }: RepairDeps): RepairService => {
  const { images, access } = library;
  const { world } = access;
  operations.register(linkExecutor(library.linkFiles));

  const demandLost = (id: string): Lost => {
    const lost = lostOf(access, id);
    if (lost === null)
      throw impossible(`What “${world.facts(id).name}” stands on is there: nothing is to be mended.`);
    return lost;
  };

  const demandWritable = async (id: string): Promise<void> => {
    const impediment = unwritable(world.record(id));
    if (impediment !== null) throw impossible(impediment);
    await demandIdle(images.forest(), images.get(id), 'It can be repaired');
  };

  /** Of the library, or a file that nobody has registered yet. */
  const candidateOf = async ({ backing, path }: Wish<'relink'>): Promise<Candidate> => {
    if (backing !== undefined) return { record: world.record(backing), known: true };
    const real = await realFilePath(path ?? '', access.dataDir);
    const known = access.library.byPath(real);
    if (known !== undefined) return { record: known, known: true };
    const record = newRecord(real, await inspectNamed(real));
    if (record === null)
      throw new AppError('image-refused', `${real} is in a format that Strata does not take.`);
    return { record, known: false };
  };

  /** The image that is lost, when VMs and snapshots still point to it: then the file that was found is that image. */
  const lostImage = (id: string, format: string): string | undefined => {
    const { backingId } = world.relation(id);
    const known = backingId === null ? undefined : access.library.get(backingId);
    return known !== undefined && !known.present && known.format === format ? known.id : undefined;
  };

  /** Of the other overlays those of which as much is known: they are pointed there too, each if nothing is in the way. */
  const followersOf = async (lost: Lost, candidate: Candidate, wish: Wish<'relink'>): Promise<string[]> => {
    if (wish.others === false) return [];
    const followers: string[] = [];
    for (const other of othersWith(access, lost)) {
      if ((await relinkImpediment(access, other.overlay)) !== null) continue;
      const { verdict, impediment } = await judgeCandidate(access, other, candidate);
      if (impediment === null && (verdict === 'proven' || wish.assumeSame === true))
        followers.push(other.overlay.id);
    }
    return followers;
  };

  const relinkWish = (imageId: string, backing: string) =>
    ({ operation: 'rebase', imageId, backing, mode: 'relink', assumeSame: true }) as const;

  /** What the planner has nothing against. */
  const plannable = async (ids: readonly string[], backing: string): Promise<string[]> => {
    const legal: string[] = [];
    for (const id of ids) {
      const plan = await chains.plan(relinkWish(id, backing)).catch((error: unknown) => {
        if (error instanceof AppError) return null;
        throw error;
      });
      if (plan?.blockers.length === 0) legal.push(id);
    }
    return legal;
  };

  const relink = async (id: string, wish: Wish<'relink'>, lookedAt: number): Promise<Operation> => {
    const lost = demandLost(id);
    await demandWritable(id);
    const candidate = await candidateOf(wish);
    const { verdict, evidence, impediment, name, path, format } = await judgeCandidate(
      access,
      lost,
      candidate,
    );
    if (impediment !== null) throw impossible(`“${name}” cannot be its backing: ${impediment}`);
    if (verdict !== 'proven' && wish.assumeSame !== true) {
      const message = `Nobody can prove that “${name}” is the lost ${lost.path}. ${evidence[0]?.text ?? ''} If you know that it holds the same, say so (assumeSame).`;
      throw new AppError('plan-blocked', message, { blockers: [{ code: 'not-compared', message }] });
    }
    const followers = await followersOf(lost, candidate, wish);
    const backing = candidate.known
      ? candidate.record.id
      : (await registerImage(access, { path }, { id: lostImage(id, format) })).id;
    const request = relinkWish(id, backing);
    const plan = await chains.plan(request);
    const others = await plannable(followers, backing);
    // Alone, or blocked: the chain operation does it, or says why not.
    if (others.length === 0 || plan.blockers.length > 0) return chains.run(request, plan.fingerprint);
    return relinkTogether([id, ...others], backing, lookedAt);
  };

  const changeOf = (imageId: string, after: LinkChange['after']): LinkChange => {
    const { path, facts } = world.record(imageId);
    return { imageId, path, before: facts.backing, after };
  };

  const writeLinks = (
    title: string,
    changes: readonly LinkChange[],
    rest: {
      readonly steps: readonly string[];
      readonly reads: readonly string[];
      readonly cancelNote: string;
      readonly lookedAt: number;
    },
  ): Operation => {
    const ids = changes.map(({ imageId }) => imageId);
    const forest = images.forest();
    const vms = new Map(ids.flatMap((id) => vmsOn(forest, id).map(({ vmId, vmName }) => [vmId, vmName])));
    return operations.start({
      kind: 'image-repair',
      title,
      request: { changes },
      journal: { phase: 'new', done: 0 },
      steps: rest.steps,
      subjects: [
        ...ids.map((id) => ({ kind: 'image' as const, id, name: world.facts(id).name })),
        ...[...vms].map(([id, name]) => ({ kind: 'vm' as const, id, name })),
      ],
      locks: { images: ids, reads: rest.reads, vms: [...vms.keys()] },
      unit: 'steps',
      total: changes.length,
      cancelNote: rest.cancelNote,
      lookedAt: rest.lookedAt,
    });
  };

  const writeLink = (
    id: string,
    { title, after, lookedAt }: { title: string; after: LinkChange['after']; lookedAt: number },
  ): Operation =>
    writeLinks(title, [changeOf(id, after)], {
      lookedAt,
      steps: ['Look whether the header is as it was', 'Write the link, and read it back'],
      reads: [],
      cancelNote: 'Nothing was changed.',
    });

  /** In one operation, each with its own entry in the journal. */
  const relinkTogether = (ids: readonly string[], backing: string, lookedAt: number): Operation => {
    const { name, path, format } = world.facts(backing);
    const changes = ids.map((id) =>
      changeOf(id, { name: relativeBacking(dirname(world.facts(id).path), path), format }),
    );
    return writeLinks(`Point ${ids.length} overlays to “${name}”`, changes, {
      lookedAt,
      steps: [
        'Look whether the headers are as they were',
        ...ids.map((id) => `Point “${world.facts(id).name}” to “${name}”, and read it back`),
      ],
      reads: visibleChain(world, backing),
      cancelNote: 'What was pointed there so far stays so: each overlay reads right by itself.',
    });
  };

  const recordFormat = async (
    id: string,
    { format: said }: Wish<'record-format'>,
    lookedAt: number,
  ): Promise<Operation> => {
    const [overlay, { backingId, problems }] = [world.record(id), world.relation(id)];
    const wrong = problems.some(({ code }) => code.startsWith('backing-format-'));
    const string = overlay.facts.backing?.string;
    if (backingId === null || string === undefined || !wrong)
      throw impossible(`The header of “${overlay.name}” tells the format of its backing already.`);
    await demandWritable(id);
    const { format, certain, why } = backingFormat(overlay, world.record(backingId));
    if (said !== undefined && said !== format)
      throw impossible(
        `Strata takes “${world.facts(backingId).name}” for ${format}, so ${said} would not be opened. If it is raw, register the file as what it is first.`,
      );
    if (!certain && said === undefined) {
      const message = `${why} Strata cannot be certain of the format. If you know that it is ${format}, say so (format).`;
      throw new AppError('plan-blocked', message, { blockers: [{ code: 'format-uncertain', message }] });
    }
    const title = `Write the backing format of “${overlay.name}”`;
    return writeLink(id, { title, after: { name: string, format }, lookedAt });
  };

  const cut = async (id: string, lookedAt: number): Promise<Operation> => {
    const { overlay } = demandLost(id);
    await demandWritable(id);
    return writeLink(id, { title: `Cut the link of “${overlay.name}”`, after: null, lookedAt });
  };

  const registerBacking = async (id: string): Promise<null> => {
    const { path } = demandLost(id);
    await registerImage(access, { path });
    return null;
  };

  const leaveAlone = (id: string, on: boolean): null => {
    if (on) demandLost(id);
    access.memory.change([{ imageId: id, leftAloneAt: on ? new Date().toISOString() : null }]);
    access.announce();
    return null;
  };

  const carryOut = async (id: string, wish: RepairImage, lookedAt: number): Promise<Operation | null> => {
    switch (wish.repair) {
      case 'relink':
        return relink(id, wish, lookedAt);
      case 'register-backing':
        return registerBacking(id);
      case 'record-format':
        return recordFormat(id, wish, lookedAt);
      case 'cut':
        return cut(id, lookedAt);
      case 'leave-alone':
        return leaveAlone(id, wish.on !== false);
    }
  };

  return {
    list: async (id, folder) => {
      world.record(id);
      await images.scan();
      return listRepairs(access, id, folder);
    },
    repair: async (id, wish) => {
      world.record(id);
      const lookedAt = operations.look();
      await images.scan();
      const operation = await carryOut(id, wish, lookedAt);
      return { image: images.get(id), operation };
    },
  };
};

import type { ImageRepairs, Operation, RepairAnswer, RepairImage } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { ChainsService } from '../../chains/chains.types.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import { backingFormat } from '../backing-format.ts';
import { realFilePath } from '../forbidden-paths.ts';
import type { ImagesFeature } from '../images.service.ts';
import { importImage, inspectNamed } from '../import-images.ts';
import type { LinkChange } from '../link-files.ts';
import { newRecord } from '../read-record.ts';
import { demandIdle, vmsOn } from '../work/image-work.service.ts';
import type { Lost } from './evidence.ts';
import { type Candidate, judgeCandidate } from './find-candidates.ts';
import { linkExecutor } from './link.executor.ts';
import { listRepairs, lostOf, unwritable } from './list-repairs.ts';

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
    const record = await newRecord(real, await inspectNamed(real));
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

  const relink = async (id: string, wish: Wish<'relink'>): Promise<Operation> => {
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
    const backing = candidate.known
      ? candidate.record.id
      : (await importImage(access, { path, mode: 'register' }, { id: lostImage(id, format) })).id;
    const request = { operation: 'rebase', imageId: id, backing, mode: 'relink', assumeSame: true } as const;
    return chains.run(request, (await chains.plan(request)).fingerprint);
  };

  const writeLink = (id: string, title: string, after: LinkChange['after']): Operation => {
    const { name, path, facts } = world.record(id);
    const vms = vmsOn(images.forest(), id);
    return operations.start({
      kind: 'image-repair',
      title,
      request: { change: { imageId: id, path, before: facts.backing, after } },
      journal: { phase: 'new' },
      steps: ['Look whether the header is as it was', 'Write the link, and read it back'],
      subjects: [
        { kind: 'image', id, name },
        ...vms.map(({ vmId, vmName }) => ({ kind: 'vm' as const, id: vmId, name: vmName })),
      ],
      locks: { images: [id], vms: vms.map(({ vmId }) => vmId) },
      unit: 'steps',
      total: 2,
      cancelNote: 'Nothing was changed.',
    });
  };

  const recordFormat = async (id: string, { format: said }: Wish<'record-format'>): Promise<Operation> => {
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
    return writeLink(id, `Write the backing format of “${overlay.name}”`, { name: string, format });
  };

  const cut = async (id: string): Promise<Operation> => {
    const { overlay } = demandLost(id);
    await demandWritable(id);
    return writeLink(id, `Cut the link of “${overlay.name}”`, null);
  };

  const registerBacking = async (id: string): Promise<null> => {
    const { path } = demandLost(id);
    await importImage(access, { path, mode: 'register' });
    return null;
  };

  const leaveAlone = (id: string, on: boolean): null => {
    if (on) demandLost(id);
    access.memory.change([{ imageId: id, leftAloneAt: on ? new Date().toISOString() : null }]);
    access.announce();
    return null;
  };

  const carryOut = async (id: string, wish: RepairImage): Promise<Operation | null> => {
    switch (wish.repair) {
      case 'relink':
        return relink(id, wish);
      case 'register-backing':
        return registerBacking(id);
      case 'record-format':
        return recordFormat(id, wish);
      case 'cut':
        return cut(id);
      case 'leave-alone':
        return leaveAlone(id, wish.on);
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
      await images.scan();
      const operation = await carryOut(id, wish);
      return { image: images.get(id), operation };
    },
  };
};

import { type Blocker, chainIds, exportSubject, type Forest } from '@strata/backing-chain';
import { AppError } from '../../app-error.ts';
import type { BlockEngine, BlockEngines } from '../../qemu/block-engine.types.ts';
import { lockHolders, openWords } from '../../qemu/lock-holder.ts';
import type { ImagesService } from '../images/images.types.ts';

/*
 * While a VM runs, its QEMU keeps others from writing its layers. While it is off, nobody does: a program that has an
 * active layer open would go on writing what has become a restore point.
 *
 *     overlay  <- a storage daemon opens this …
 *     active   <- … and so holds this one for reading: no other QEMU program may have it open for writing
 *     base
 *
 * That is so for qcow2. Raw images are only looked at: QEMU 7.2 takes no lock against writers on a raw backing file.
 */

export interface HoldDeps {
  readonly images: ImagesService;
  readonly engines: BlockEngines;
}

/** The process that serves an export is nothing a person knows or should end. */
const exportBlocker = (
  forest: Forest,
  layer: { readonly id: string; readonly name: string },
): Blocker | null => {
  const use = forest.exports.find(({ imageId }) => chainIds(forest, imageId).includes(layer.id));
  if (use === undefined) return null;
  const message = `The export “${use.name}” has “${layer.name}” open. Stop it first, under Exports in the library.`;
  return { code: 'export-holds', message, subjects: [exportSubject(use)] };
};

/** Which of these layers a program has open; only for a VM that is off, whose own QEMU would be named. */
export const openBlockers = async (images: ImagesService, ids: readonly string[]): Promise<Blocker[]> => {
  const layers = ids.map((id) => images.facts(id));
  if (layers.length === 0) return [];
  const holders = await lockHolders(layers.map(({ path }) => path));
  const open = layers.flatMap(({ id, name, path }, at): Blocker[] => {
    const holder = holders[at] ?? null;
    if (holder === null) return [];
    const message = openWords(holder, { name, path });
    const subjects = [{ kind: 'image', id, name } as const];
    return [exportBlocker(images.forest(), { id, name }) ?? { code: 'image-locked', message, subjects }];
  });
  // One export may have several of these layers open.
  return open.filter(({ message }, at) => open.findIndex((other) => other.message === message) === at);
};

/** Throws `image-locked`, naming the file and the program. */
export const demandNotOpen = async (images: ImagesService, ids: readonly string[]): Promise<void> => {
  const [blocker] = await openBlockers(images, ids);
  if (blocker !== undefined) throw new AppError('image-locked', blocker.message);
};

const daemonId = (operationId: string, index: number): string => `${operationId}-${index}`;

/** A run that was killed has left its daemons, at whatever point it was, and they hold what is needed. */
export const closeLeftovers = async (
  { engines }: HoldDeps,
  operationId: string,
  count: number,
): Promise<void> => {
  for (let index = 0; index < count; index += 1) {
    const identity = await engines.findDaemon(daemonId(operationId, index));
    const engine = identity === null ? null : await engines.adoptDaemon(identity);
    await engine?.close();
  }
};

export interface Holding {
  readonly operationId: string;
  /** Looked at first, so that the refusal can name the program. */
  readonly written: readonly string[];
  /** The tops of the chains that are held while `work` runs. */
  readonly tops: readonly string[];
  /** Only so many layers of each, of chains that were checked a moment ago: to open hundreds takes a second. */
  readonly layers?: number;
}

/** Nobody else writes these layers while `work` runs. Throws `image-locked` before it when somebody does. */
export const whileHeld = async (
  deps: HoldDeps,
  { operationId, written, tops, layers }: Holding,
  work: () => void,
): Promise<void> => {
  await demandNotOpen(deps.images, written);
  const held: BlockEngine[] = [];
  try {
    for (const [index, top] of tops.entries()) {
      const members =
        layers === undefined ? await deps.images.checkedChain(top) : deps.images.chainFacts(top);
      const chain = members.map(({ path, format }) => ({ path, format }));
      const only = layers === undefined ? {} : { layers };
      held.push(await deps.engines.openDaemon({ id: daemonId(operationId, index), chain, ...only }));
    }
    work();
  } finally {
    for (const engine of held) await engine.close().catch(() => {});
  }
};

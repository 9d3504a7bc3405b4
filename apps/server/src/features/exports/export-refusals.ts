import { chainIds, type Forest, overlaysOf } from '@strata/backing-chain';
import type { Image, ImageUse } from '@strata/contract';
import { AppError } from '../../app-error.ts';

const inUse = (words: string, usedBy: readonly ImageUse[]): AppError =>
  new AppError('image-in-use', words, { usedBy: [...usedBy] });

/** What is to be done with the image, for the words of a refusal. */
export interface Reading {
  /** As an advice: “export the layer that it freezes”. */
  readonly doing: string;
  /** “is not exported for writing”. */
  readonly writing: string;
  /** What can be done instead, where it may not be written. */
  readonly instead: string;
}

const exporting: Reading = {
  doing: 'export',
  writing: 'is not exported for writing',
  instead: 'Export it for reading, or create an overlay on it and export that.',
};
export const lookingInside: Reading = {
  doing: 'look into',
  writing: 'is not opened for writing',
  instead: 'Look into it without changing it, or create an overlay on it and open that.',
};

/** What is read has to stand still: nobody writes a layer of the chain meanwhile. */
export const demandStill = (forest: Forest, image: Image, { doing } = exporting): void => {
  const chain = new Set(chainIds(forest, image.id));
  const [taint] = image.problems.filter(({ code }) => code === 'tainted');
  if (taint !== undefined)
    throw new AppError('plan-blocked', `${taint.message} ${taint.repair ?? ''}`.trim(), {
      blockers: [{ code: 'tainted', message: taint.message, subjects: [] }],
    });
  const writer = forest.disks.find((disk) => disk.running && chain.has(disk.imageId));
  if (writer !== undefined)
    throw inUse(
      `The running VM “${writer.vmName}” writes “${image.name}”, so what it shows has no moment. Take a snapshot of that VM and ${doing} the layer that it freezes, or shut the VM down.`,
      [{ kind: 'vm', id: writer.vmId, name: writer.vmName }],
    );
  const worker = forest.operations.find((use) => use.changes && chain.has(use.imageId));
  if (worker !== undefined)
    throw new AppError(
      'operation-running',
      `“${worker.title}” is changing the layers of “${image.name}”. Wait for its end, or cancel it, first.`,
    );
  const other = forest.exports.find((use) => use.writes && chain.has(use.imageId));
  if (other !== undefined)
    throw inUse(
      other.kind === 'inside'
        ? `“${other.name}” is open for putting files in. Close that first.`
        : `“${image.name}” is written through the export “${other.name}”. Stop that first.`,
      [{ kind: other.kind ?? 'export', id: other.exportId, name: other.name }],
    );
};

/** Only an active layer, or an image that nobody needs, may be written by others: and nothing may stand on it. */
export const demandWritable = (forest: Forest, image: Image, { writing, instead } = exporting): void => {
  if (image.format !== 'qcow2' && image.format !== 'raw')
    throw new AppError(
      'not-possible',
      `“${image.name}” is ${image.format} and is not written. Open it for reading, or convert it first.`,
    );
  const look = image.usedBy.find(({ kind }) => kind === 'inside');
  if (look !== undefined) throw inUse(`“${image.name}” is being looked into. Close that first.`, [look]);
  const suspended = forest.disks.find((disk) => disk.suspended && disk.imageId === image.id);
  const standing: ImageUse[] = [
    ...overlaysOf(forest, image.id).map(({ id, name }) => ({ kind: 'overlay' as const, id, name })),
    ...image.usedBy.filter(({ kind, tag }) => tag === undefined && kind !== 'vm' && kind !== 'overlay'),
    ...forest.media
      .filter((use) => use.imageId === image.id)
      .map(({ vmId, vmName }) => ({ kind: 'vm' as const, id: vmId, name: vmName })),
    ...(suspended === undefined ? [] : [{ kind: 'vm' as const, id: suspended.vmId, name: suspended.vmName }]),
  ];
  const trashed = forest.trashed.filter((use) => use.imageId === image.id);
  const names = [...standing, ...trashed].map(({ name }) => `“${name}”`);
  if (names.length > 0)
    throw inUse(
      `“${image.name}” ${writing}: ${names.join(', ')} ${names.length === 1 ? 'needs' : 'need'} it as it is. ${instead}`,
      standing,
    );
};

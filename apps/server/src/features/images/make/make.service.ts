import type { MakeFloppy, MakeIso, MakeSeed, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { demandFloppyTools } from '../../../qemu/tools/floppy-tool.ts';
import { demandIsoTool } from '../../../qemu/tools/iso-tool.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { ImagesFeature } from '../images.service.ts';
import type { FreshFileWish } from '../new-files.ts';
import { isWithin } from '../path-trees.ts';
import { floppyFiles } from './floppy-files.ts';
import { readHostTree } from './host-tree.ts';
import { type MakeRun, makeExecutor } from './make.executor.ts';
import { seedFiles } from './seed-files.ts';
import { stagedFiles } from './staged-files.ts';

export interface MakeService {
  iso(wish: MakeIso): Promise<Operation>;
  seed(wish: MakeSeed): Promise<Operation>;
  floppy(wish: MakeFloppy): Promise<Operation>;
  /** At the start: what a crash has left and no operation needs. */
  sweep(): Promise<void>;
}

interface MakeDeps {
  readonly dataDir: string;
  readonly library: Pick<ImagesFeature, 'newFiles'>;
  readonly operations: OperationsService;
}

/** Each file begins a block, each name has entries in two trees, and the end is padded. */
const discBytes = ({ entries, bytes }: { entries: number; bytes: number }): number =>
  bytes + entries * (2048 + 2048) + 1024 ** 2;

/** Registers its executor; create it once, before operations are recovered. */
export const createMakeService = ({ dataDir, library, operations }: MakeDeps): MakeService => {
  const { newFiles } = library;
  const staged = stagedFiles(dataDir);
  operations.register(makeExecutor({ files: newFiles, staged }));

  const start = (request: MakeRun, title: string, first: string): Operation =>
    operations.start({
      kind: 'image-make',
      title,
      request,
      journal: { phase: 'new', file: null },
      steps: [first, 'Compare it with that, byte by byte', 'Take the new image into the library'],
      subjects: [],
      locks: { images: [], vms: [] },
      unit: 'bytes',
      total: request.target.bytes,
      cancelNote: 'What was written so far is removed; the files it is made of are not touched.',
    });

  const startStaged = async (
    request: MakeRun,
    files: Parameters<typeof staged.stage>[1],
    words: readonly [title: string, first: string],
  ): Promise<Operation> => {
    const { tag } = request.target;
    try {
      await staged.stage(tag, files);
      return start(request, ...words);
    } catch (error) {
      await staged.remove(tag);
      throw error;
    }
  };

  return {
    iso: async ({ source, label, joliet, name, folder, useReserve }) => {
      demandIsoTool();
      const tree = await readHostTree(source, dataDir);
      const target: FreshFileWish = {
        ...{ name, folder, useReserve, format: 'iso', tag: newId() },
        bytes: discBytes(tree),
      };
      const place = await newFiles.placeFresh(target);
      if (isWithin(place.folder, tree.path))
        throw new AppError(
          'not-possible',
          `The ISO would lie in ${place.folder}, and so within the folder it is made of. Choose another one.`,
        );
      const request = { target, source: tree.path, form: { kind: 'iso' as const, label, joliet } };
      return start(request, `Make the ISO “${name}” of ${tree.path}`, `Write what is in ${tree.path}`);
    },

    seed: async (wish) => {
      demandIsoTool();
      const { name, folder, useReserve } = wish;
      const tag = newId();
      const target: FreshFileWish = {
        ...{ name, folder, useReserve, format: 'iso', tag },
        bytes: 1024 ** 2,
      };
      await newFiles.placeFresh(target);
      // Texts with passwords and keys in them stay out of the books.
      return startStaged(
        { target, source: null, form: { kind: 'iso', label: 'CIDATA', joliet: true } },
        seedFiles(wish),
        [`Make the seed ISO “${name}” for cloud-init`, 'Write the texts'],
      );
    },

    floppy: async ({ source, label, kilobytes, name, folder, useReserve }) => {
      demandFloppyTools();
      const bytes = kilobytes * 1024;
      const tree = await readHostTree(source, dataDir);
      if (tree.bytes > bytes)
        throw new AppError(
          'not-possible',
          `${tree.path} holds ${Math.ceil(tree.bytes / 1024).toLocaleString('en')} KiB, and the floppy has ${kilobytes}. Nothing was made.`,
        );
      const target: FreshFileWish = {
        ...{ name, folder, useReserve, format: 'raw', tag: newId() },
        bytes,
      };
      await newFiles.placeFresh(target);
      return startStaged(
        { target, source: null, form: { kind: 'floppy', kilobytes, label } },
        await floppyFiles(tree.path, bytes),
        [`Make the floppy “${name}” of ${tree.path}`, `Format it, and write what is in ${tree.path}`],
      );
    },

    sweep: () => {
      const needed = new Set(operations.making());
      return staged.sweep((folder) => needed.has(folder));
    },
  };
};

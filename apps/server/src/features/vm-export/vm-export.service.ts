import type { Operation, Vm, VmExport } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { measureOut } from '../../qemu/exports/convert-out.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import type { OutgoingFiles } from '../downloads/outgoing-files.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { archiveName, vmExportExecutor } from './vm-export.executor.ts';

export interface VmExportDeps {
  readonly dataDir: string;
  readonly images: ImagesService;
  readonly operations: OperationsService;
  readonly files: OutgoingFiles;
  readonly vms: { get(id: string): Vm };
  /** Throws unless what an image shows stands still. */
  demandStill(imageId: string): void;
}
export interface VmExportService {
  start(vmId: string, wish: VmExport): Promise<Operation>;
}

const formWords = { ova: 'an OVA', libvirt: 'a libvirt domain', kubevirt: 'a KubeVirt manifest' } as const;

/** Names of files in the archive: short, and the same on every system. */
const stemOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, 40) || 'vm';

const demandOff = ({ name, state }: Vm): void => {
  if (state === 'off' || state === 'crashed') return;
  if (state === 'suspended')
    throw new AppError(
      'vm-suspended',
      `“${name}” is suspended: its disks are not what a guest would start from. Resume it and shut it down first.`,
    );
  throw new AppError(
    'vm-running',
    `“${name}” writes its disks now. Shut it down, or branch a new VM from a snapshot and export that.`,
  );
};

/** A whole VM for other programs: one archive with its disks and a description, and what that cannot say. */
export const createVmExportService = (deps: VmExportDeps): VmExportService => {
  const { images, operations, files, vms, dataDir } = deps;
  operations.register(vmExportExecutor(images, files));
  return {
    start: async (vmId, { form }) => {
      demandOff(vms.get(vmId));
      const { disks } = vms.get(vmId);
      if (disks.length === 0)
        throw new AppError('not-possible', 'It has no disk of the library, and so nothing to take along.');
      const chains = await Promise.all(disks.map(({ imageId }) => images.checkedChain(imageId)));
      const sizes = await Promise.all(
        chains.flatMap(([image]) =>
          image === undefined ? [] : [measureOut(image, { format: 'qcow2', compress: false })],
        ),
      );
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      const space = await freeSpaceIn(dataDir);
      if (space !== null && 2 * bytes > spendable(space, false))
        throw new AppError(
          'disk-full',
          `This takes up to ${Math.ceil((2 * bytes) / 1024 ** 2).toLocaleString('en')} MiB in ${dataDir} while it is made, which are not free beside the reserve. Free some space first.`,
        );
      const vm = vms.get(vmId);
      demandOff(vm);
      for (const { imageId } of disks) deps.demandStill(imageId);
      const stem = stemOf(vm.name);
      return operations.start({
        kind: 'vm-export',
        title: `Export “${vm.name}” as ${formWords[form]}`,
        request: { vm, form, stem, downloadId: newId(), bytes },
        journal: {},
        steps: ['Write each disk into one file, and compare', `Put them into ${archiveName(stem, form)}`],
        subjects: [{ kind: 'vm', id: vm.id, name: vm.name }],
        locks: { images: [], reads: chains.flat().map(({ id }) => id), vms: [vm.id] },
        unit: 'bytes',
        total: bytes,
        cancelNote: 'What was written so far is removed; the VM is not touched.',
      });
    },
  };
};

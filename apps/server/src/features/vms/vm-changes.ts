import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CommandLine, CreateVm, PatchVm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { qemuArgs } from '../../qemu/argv/argv.ts';
import { changedDefinition, checkMacs, newDefinition, storedMedia } from './vm-definition.ts';
import { changeDisks, checkActiveLayer, checkDisks, checkKernel, checkMedia, makeDisks } from './vm-disks.ts';
import { buildLaunch, commandOf, type Located, toCommandLine } from './vm-launch.ts';
import { checkSocketPaths, vmPaths } from './vm-paths.ts';
import type { StoredDisk, VmRecord } from './vm-record.types.ts';
import { demandNotSuspended } from './vm-resume.ts';
import { slugOf } from './vm-slug.ts';
import { askGuards, exclusively, pathsOf, recordOf, type VmsContext } from './vms.context.ts';

export const macsOfOthers = (context: VmsContext, exceptId: string | null): Set<string> =>
  new Set(
    context.repository
      .all()
      .filter((vm) => vm.id !== exceptId)
      .flatMap((vm) => vm.definition.nics.map((nic) => nic.mac)),
  );

export const checkName = (context: VmsContext, name: string, exceptId: string | null): void => {
  const holder = context.repository.idOfName(name);
  if (holder !== null && holder !== exceptId)
    throw new AppError('name-taken', `There is a VM named "${name}" already. Choose another name.`);
};

/** Everything is checked before the first image is made; what was made goes again when the definition cannot be kept. */
export const createVm = async (context: VmsContext, wish: CreateVm): Promise<string> => {
  const id = newId();
  checkName(context, wish.name, null);
  const target = await context.capabilities.target(wish.arch);
  const definition = newDefinition(id, wish, target, macsOfOthers(context, null));
  const paths = vmPaths(context.config, id, definition.serial);
  checkSocketPaths(paths);
  checkDisks(context, wish.disks, null);
  checkMedia(context, definition.media);
  await checkKernel(definition.kernel);
  tryLayout(context, wish, definition, paths);
  const made = await makeDisks(context, wish.name, wish.disks);
  try {
    // Making images took time: somebody may have taken the name, an image or an address. From here on nothing waits.
    checkName(context, wish.name, null);
    checkDisks(context, wish.disks, null);
    checkMacs(definition.nics, macsOfOthers(context, null));
    context.repository.insert({
      ...{ id, uuid: randomUUID(), name: wish.name, definition, disks: made.disks },
      createdAt: new Date().toISOString(),
    });
  } catch (error) {
    await made.undo();
    throw error;
  }
  context.repository.addEvent(id, 'created', wish.name);
  return id;
};

/** The devices must have places; that shows only when the whole line is built. */
const tryLayout = (
  context: VmsContext,
  wish: CreateVm,
  definition: ReturnType<typeof newDefinition>,
  paths: ReturnType<typeof vmPaths>,
): void => {
  const vm = { uuid: randomUUID(), name: wish.name, definition, disks: plannedDisks(wish) };
  qemuArgs(buildLaunch(context, vm, paths, {}, plannedLocation(context, wish)));
};

const plannedDisks = (wish: CreateVm): StoredDisk[] =>
  wish.disks.map(({ bus, cache, discard }, position) => ({
    id: `disk${position}`,
    imageId: `disk${position}`,
    bus,
    cache,
    discard,
  }));

/** Where the images of a VM that is not yet defined are or would be. */
const plannedLocation =
  (context: VmsContext, wish: CreateVm) =>
  (imageId: string): Located => {
    const position = /^disk(\d+)$/.exec(imageId)?.[1];
    if (position === undefined) return context.images.facts(imageId);
    const disk = wish.disks[Number(position)];
    if (disk === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
    if ('imageId' in disk) return context.images.facts(disk.imageId);
    const format = 'create' in disk ? disk.create.format : 'qcow2';
    const name = slugOf(Number(position) === 0 ? wish.name : `${wish.name}-${Number(position) + 1}`);
    return {
      format,
      path: join(context.config.dataDir, 'images', `${name}.${format === 'raw' ? 'raw' : 'qcow2'}`),
    };
  };

/** What a definition would run as. Names of images that are still to be made are the likely ones. */
export const previewVm = async (context: VmsContext, wish: CreateVm): Promise<CommandLine> => {
  const target = await context.capabilities.target(wish.arch);
  const id = '0'.repeat(12);
  const definition = newDefinition(id, wish, target, macsOfOthers(context, null));
  const vm = {
    uuid: '00000000-0000-4000-8000-000000000000',
    name: wish.name,
    definition,
    disks: plannedDisks(wish),
  };
  const paths = vmPaths(context.config, id, definition.serial);
  const { binary, args } = await commandOf(context, vm, paths, {}, plannedLocation(context, wish));
  return toCommandLine([binary, ...args]);
};

/** What is in the drives of a running VM is changed in the VM itself, not in the definition behind its back. */
const checkInsertedMedia = (context: VmsContext, before: VmRecord, change: PatchVm): void => {
  if (change.media === undefined || !context.runs.has(before.id)) return;
  const wanted = new Map(storedMedia(change.media).map(({ slot, imageId }) => [slot, imageId]));
  const differs = before.definition.media.some(
    ({ slot, imageId }) => wanted.has(slot) && wanted.get(slot) !== imageId,
  );
  if (differs)
    throw new AppError(
      'vm-running',
      `The VM "${before.name}" is running: insert or eject the medium in its drive (PUT …/media/:slot).`,
    );
};

/** The disks are still those the change was worked out from, and nobody else works on them. */
const checkDisksAreFree = (context: VmsContext, before: VmRecord): void => {
  if (context.runs.has(before.id))
    throw new AppError(
      'vm-running',
      `The VM "${before.name}" is running: its disks can be changed when it is off.`,
    );
  askGuards(context, before, 'change');
  const images = ({ disks }: VmRecord): string => disks.map((disk) => `${disk.id}=${disk.imageId}`).join();
  if (images(recordOf(context, before.id)) !== images(before))
    throw new AppError(
      'vm-busy',
      `The disks of the VM "${before.name}" have just been changed by something else. Look at them and try again.`,
    );
};

const checkNewDisks = (
  context: VmsContext,
  before: VmRecord,
  change: PatchVm,
  after: readonly StoredDisk[],
): void => {
  if (change.disks === undefined) return;
  checkDisksAreFree(context, before);
  const had = new Set(before.disks.map((disk) => disk.imageId));
  for (const { imageId } of after) if (!had.has(imageId)) checkActiveLayer(context, imageId, before.id);
  const overlays = change.disks.flatMap((wish) => ('overlayOf' in wish ? [wish] : []));
  checkDisks(context, overlays, before.id);
};

export const patchVm = async (context: VmsContext, id: string, change: PatchVm): Promise<void> => {
  const before = recordOf(context, id);
  const { name: _, notes: __, autostart: ___, ...hardware } = change;
  if (Object.keys(hardware).length > 0) demandNotSuspended(before, 'Its hardware cannot be changed.');
  if (change.name !== undefined) checkName(context, change.name, id);
  if (change.disks !== undefined) checkDisksAreFree(context, before);
  checkInsertedMedia(context, before, change);
  const target = await context.capabilities.target(before.definition.arch);
  await exclusively(context, before, 'changing', async () => {
    const definition = changedDefinition(before, change, target, macsOfOthers(context, id));
    checkMedia(context, definition.media);
    await checkKernel(definition.kernel);
    const name = change.name ?? before.name;
    const changed =
      change.disks === undefined ? null : await changeDisks(context, { ...before, name }, change.disks);
    try {
      const disks = changed?.disks ?? recordOf(context, id).disks;
      qemuArgs(
        buildLaunch(
          context,
          { ...before, name, definition, disks },
          pathsOf(context, { ...before, definition }),
        ),
      );
      // Much may have happened since the checks: other VMs are changed at the same time. From here on nothing waits.
      if (change.name !== undefined) checkName(context, change.name, id);
      checkMacs(definition.nics, macsOfOthers(context, id));
      checkNewDisks(context, before, change, disks);
      if (changed === null) context.repository.setDefinition({ id, name, definition });
      else context.repository.update({ id, name, definition, disks });
    } catch (error) {
      await changed?.undo();
      throw error;
    }
    context.repository.addEvent(id, 'changed', Object.keys(change).join(', '));
  });
};

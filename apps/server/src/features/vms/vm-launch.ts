import { type CommandLine, type NbdDisk, parseNbdUri, type Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { chooseAccelerator } from '../../qemu/accelerators.ts';
import { qemuArgs } from '../../qemu/argv/argv.ts';
import type { BootDevice, Launch, LaunchNbdDisk } from '../../qemu/argv/launch.types.ts';
import { findUefi } from '../../qemu/firmware.ts';
import { shellWord } from '../../shell-word.ts';
import type { VmPaths } from './vm-paths.ts';
import type { StoredDefinition, StoredDisk, VmRecord } from './vm-record.types.ts';
import type { VmsContext } from './vms.context.ts';

export interface StartWishes {
  readonly bootOnce?: string | undefined;
  readonly paused?: boolean | undefined;
  /** It is given the memory of a guest. */
  readonly incoming?: boolean | undefined;
}

/** An image as the command line needs it. */
export type Located = { readonly path: string; readonly format: string };

export const effectiveAccelerator = (
  context: VmsContext,
  definition: Pick<StoredDefinition, 'accelerator' | 'arch'>,
): Vm['effectiveAccelerator'] => chooseAccelerator(definition.accelerator, definition.arch, context.kvm());

const toLaunchDisk = (disk: StoredDisk, image: Located): Launch['disks'][number] => ({
  id: disk.id,
  path: image.path,
  format: image.format,
  bus: disk.bus,
  cache: disk.cache,
  discard: disk.discard,
});

const toLaunchNbd = ({ uri, credentials, readOnly, bus }: NbdDisk, index: number): LaunchNbdDisk => {
  const target = parseNbdUri(uri);
  if (target === null) throw new AppError('not-possible', `“${uri}” is no address of an NBD export.`);
  return { id: `nbd${index}`, target, credentials: credentials ?? null, readOnly, bus };
};

/** Looks up what the definition only names. Throws for what is gone; starts and changes nothing. */
export const buildLaunch = (
  context: VmsContext,
  vm: Pick<VmRecord, 'uuid' | 'name' | 'definition' | 'disks'>,
  paths: VmPaths,
  wishes: StartWishes = {},
  locate: (imageId: string) => Located = (imageId) => context.images.facts(imageId),
): Launch => {
  const { definition } = vm;
  const { arch, machine, cpus, memory, kernel, nics, display, audio, extraArgs } = definition;
  return {
    ...{ uuid: vm.uuid, name: vm.name, arch, machine, cpus, memory, kernel, nics, display, audio, extraArgs },
    accelerator: effectiveAccelerator(context, definition).kind,
    firmware: definition.firmware === 'uefi' ? { code: findUefi(arch).code, vars: paths.uefiVars } : null,
    boot: { ...definition.boot, once: (wishes.bootOnce as BootDevice | undefined) ?? definition.boot.once },
    disks: vm.disks.map((disk) => toLaunchDisk(disk, locate(disk.imageId))),
    nbdDisks: (definition.nbdDisks ?? []).map(toLaunchNbd),
    media: definition.media.map(({ slot, kind, imageId }) => ({
      slot,
      kind,
      path: imageId === null ? null : locate(imageId).path,
    })),
    sockets: paths.sockets,
    serialLogs: paths.serialLogs,
    pidFile: paths.pidFile,
    paused: wishes.paused ?? false,
    incoming: wishes.incoming ?? false,
  };
};

/** An option and its value on one line; pasted into a shell it is the same list of arguments. */
const inLines = (argv: readonly string[]): string => {
  const lines: string[][] = [];
  for (const argument of argv) {
    const last = lines.at(-1);
    if (last === undefined || argument.startsWith('-') || last.length > 1) lines.push([argument]);
    else last.push(argument);
  }
  return lines.map((line) => line.map(shellWord).join(' ')).join(' \\\n  ');
};

export const toCommandLine = (argv: readonly string[]): CommandLine => ({
  argv: [...argv],
  shell: inLines(argv),
});

export const commandOf = async (
  context: VmsContext,
  vm: Pick<VmRecord, 'uuid' | 'name' | 'definition' | 'disks'>,
  paths: VmPaths,
  wishes: StartWishes = {},
  locate?: (imageId: string) => Located,
): Promise<{ binary: string; args: string[]; launch: Launch }> => {
  const target = await context.capabilities.target(vm.definition.arch);
  const launch = buildLaunch(context, vm, paths, wishes, locate);
  if (launch.display === 'virtio' && launch.arch === 'x86_64' && !target.devices.has('virtio-vga'))
    throw new AppError('not-possible', 'This QEMU was built without the virtio display. Choose "std".');
  return { binary: target.binary, args: qemuArgs(launch), launch };
};

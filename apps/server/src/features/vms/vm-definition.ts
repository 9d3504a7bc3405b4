import { createHash } from 'node:crypto';
import type { CreateVm, NbdDisk, NicInput, PatchVm, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { checkExtraArgs } from '../../qemu/argv/extra-args.ts';
import { machineFamily } from '../../qemu/argv/machine-layout.ts';
import { mostBesideNbd } from '../../qemu/argv/nbd-disks.ts';
import { isLoopback } from '../../qemu/argv/network.ts';
import { findProgram, type QemuTarget, versionedMachine } from '../../qemu/capabilities.ts';
import { findUefi } from '../../qemu/firmware.ts';
import type { StoredDefinition, StoredDisk, VmRecord } from './vm-record.types.ts';

type Nic = Vm['nics'][number];
type Media = Vm['media'];

const refuse = (path: string, message: string): never => {
  throw new AppError('invalid-request', `${path}: ${message}`, { errors: [{ path, message }] });
};

/** The first three bytes are QEMU's; the others come of the VM's id, so that they stay when it is defined again. */
export const freshMac = (seed: string, taken: ReadonlySet<string>): string => {
  for (let attempt = 0; ; attempt += 1) {
    const hash = createHash('sha256').update(`${seed}/${attempt}`).digest();
    const mac = `52:54:00:${[hash[0], hash[1], hash[2]].map((byte) => (byte ?? 0).toString(16).padStart(2, '0')).join(':')}`;
    if (!taken.has(mac)) return mac;
  }
};

/** Again just before a definition is kept: the address may have been taken since it was checked. */
export const checkMacs = (nics: readonly Nic[], taken: ReadonlySet<string>): void => {
  const double = nics.findIndex((nic) => taken.has(nic.mac));
  if (double >= 0) refuse(`nics.${double}.mac`, `${nics[double]?.mac} belongs to another network card`);
};

/** Only a wish in so many words lets other machines in, or takes a port that services of the host are known by. */
const checkExposure = (path: string, forwards: NicInput['forwards']): void => {
  for (const [position, { hostAddress, hostPort, exposed }] of forwards.entries()) {
    if (exposed === true) continue;
    if (!isLoopback(hostAddress))
      refuse(
        `${path}.${position}.hostAddress`,
        `${hostAddress} lets other machines reach the guest. Use 127.0.0.1, or say so with "exposed": true`,
      );
    if (hostPort < 1024)
      refuse(
        `${path}.${position}.hostPort`,
        `${hostPort} is a port of system services. Use 1024 or more, or say so with "exposed": true`,
      );
  }
};

const storedNics = (vmId: string, wishes: readonly NicInput[], taken: ReadonlySet<string>): Nic[] => {
  const used = new Set(taken);
  return wishes.map((wish, position) => {
    const path = `nics.${position}`;
    if (wish.mac !== undefined && used.has(wish.mac))
      refuse(`${path}.mac`, `${wish.mac} belongs to another network card`);
    if ((wish.mode === 'bridge' || wish.mode === 'tap') && wish.network === undefined)
      refuse(`${path}.network`, `is needed for ${wish.mode}: the name of the host's interface`);
    if (wish.forwards.length > 0 && wish.mode !== 'user' && wish.mode !== 'isolated')
      refuse(`${path}.forwards`, `are not possible with ${wish.mode}`);
    if (wish.forwards.some((forward) => forward.hostAddress.includes(':')))
      refuse(`${path}.forwards`, 'QEMU forwards from IPv4 addresses of the host only');
    checkExposure(`${path}.forwards`, wish.forwards);
    const mac = wish.mac ?? freshMac(`${vmId}/${position}`, used);
    used.add(mac);
    return {
      id: `nic${position}`,
      mode: wish.mode,
      model: wish.model,
      mac,
      ...(wish.network === undefined ? {} : { network: wish.network }),
      forwards: wish.forwards,
    };
  });
};

const checkForwards = (nics: readonly Nic[]): void => {
  const seen = new Set<string>();
  for (const { protocol, hostAddress, hostPort } of nics.flatMap((nic) => nic.forwards)) {
    const key = `${protocol} ${hostAddress}:${hostPort}`;
    if (seen.has(key)) refuse('nics.forwards', `${key} is forwarded twice`);
    seen.add(key);
  }
};

export const storedMedia = (
  wishes: readonly { kind: 'cdrom' | 'floppy'; imageId?: string | null | undefined }[],
): Media => {
  const counts = { cdrom: 0, floppy: 0 };
  return wishes.map(({ kind, imageId }) => ({
    slot: `${kind === 'cdrom' ? 'cd' : 'fd'}${counts[kind]++}`,
    kind,
    imageId: imageId ?? null,
  }));
};

/** Left out where there are none: a definition of a former version is then the same text. */
const storedNbdDisks = (wishes: readonly NbdDisk[]): Pick<StoredDefinition, 'nbdDisks'> =>
  wishes.length === 0 ? {} : { nbdDisks: [...wishes] };

/** They have places of their own, so that a disk that is added moves none of them. */
const checkNbdDisks = ({ nbdDisks = [] }: StoredDefinition, diskCount: number): void => {
  if (nbdDisks.length > 0 && diskCount > mostBesideNbd)
    refuse('nbdDisks', `a VM with a network disk has at most ${mostBesideNbd} other disks`);
};

const checkTpm = (wanted: boolean): void => {
  if (!wanted) return;
  if (findProgram('swtpm') === null)
    throw new AppError(
      'tool-missing',
      'A TPM needs the program swtpm. Install the package "swtpm", or define the VM without a TPM.',
    );
  throw new AppError('not-possible', 'Strata cannot give a VM a TPM yet. Define it without one.');
};

const usualMachine = (arch: string): string => (arch === 'x86_64' || arch === 'i386' ? 'q35' : 'virt');
const portCount = (serial: boolean | number): number =>
  typeof serial === 'boolean' ? Number(serial) : serial;

/** What must hold of any definition, whatever its disks. */
export const checkDefinition = (definition: StoredDefinition, target: QemuTarget): void => {
  machineFamily(definition.machine);
  checkExtraArgs(definition.extraArgs);
  checkTpm(definition.tpm);
  checkForwards(definition.nics);
  if (definition.firmware === 'uefi') findUefi(definition.arch);
  const machine = versionedMachine(target, definition.machine);
  if (definition.cpus > machine.maxCpus)
    throw new AppError(
      'not-possible',
      `${machine.name} takes at most ${machine.maxCpus} processors, not ${definition.cpus}.`,
    );
};

/** `taken`: the MAC addresses of all other VMs. */
export const newDefinition = (
  vmId: string,
  wish: CreateVm,
  target: QemuTarget,
  taken: ReadonlySet<string>,
): StoredDefinition => {
  const { arch, accelerator, cpus, memory, firmware, display, audio, tpm, extraArgs, autostart, notes } =
    wish;
  const definition: StoredDefinition = {
    ...{ arch, accelerator, cpus, memory, firmware, display, audio, tpm, extraArgs, autostart, notes },
    machine: versionedMachine(target, wish.machine ?? usualMachine(arch)).name,
    boot: { order: wish.boot.order, menu: wish.boot.menu, once: wish.boot.once ?? null },
    kernel: kernelOf(wish.kernel),
    ...storedNbdDisks(wish.nbdDisks),
    media: storedMedia(wish.media),
    nics: storedNics(vmId, wish.nics, taken),
    serial: portCount(wish.serial),
  };
  checkNbdDisks(definition, wish.disks.length);
  checkBootDevice(definition.boot.once, { definition, diskCount: wish.disks.length }, 'boot.once');
  checkDefinition(definition, target);
  return definition;
};

const kernelOf = (wish: CreateVm['kernel']): Vm['kernel'] =>
  wish === null || wish === undefined
    ? null
    : {
        path: wish.path,
        append: wish.append,
        ...(wish.initrd === undefined ? {} : { initrd: wish.initrd }),
      };

/** Throws unless the VM has what it shall boot from. */
export const checkBootDevice = (
  device: string | null,
  vm: {
    readonly definition: Pick<StoredDefinition, 'media' | 'nics' | 'nbdDisks'>;
    readonly diskCount: number;
  },
  path: string,
): void => {
  const { media, nics, nbdDisks = [] } = vm.definition;
  const count =
    device === 'disk'
      ? vm.diskCount + nbdDisks.length
      : device === 'network'
        ? nics.filter((nic) => nic.mode !== 'none').length
        : media.filter((medium) => medium.kind === device).length;
  if (device !== null && count === 0) refuse(path, `the VM has no device "${device}" to boot from`);
};

const bootOf = (before: Vm['boot'], change: PatchVm['boot']): Vm['boot'] => ({
  order: change?.order ?? before.order,
  menu: change?.menu ?? before.menu,
  once: change?.once === undefined ? before.once : change.once,
});

export const changedDefinition = (
  record: VmRecord,
  change: PatchVm,
  target: QemuTarget,
  taken: ReadonlySet<string>,
): StoredDefinition => {
  const before = record.definition;
  const definition: StoredDefinition = {
    arch: before.arch,
    accelerator: change.accelerator ?? before.accelerator,
    cpus: change.cpus ?? before.cpus,
    memory: change.memory ?? before.memory,
    firmware: change.firmware ?? before.firmware,
    machine: change.machine === undefined ? before.machine : versionedMachine(target, change.machine).name,
    boot: bootOf(before.boot, change.boot),
    kernel: change.kernel === undefined ? before.kernel : kernelOf(change.kernel),
    ...storedNbdDisks(change.nbdDisks ?? before.nbdDisks ?? []),
    media: change.media === undefined ? before.media : storedMedia(change.media),
    nics: change.nics === undefined ? before.nics : storedNics(record.id, change.nics, taken),
    display: change.display ?? before.display,
    audio: change.audio ?? before.audio,
    serial: change.serial === undefined ? before.serial : portCount(change.serial),
    tpm: change.tpm ?? before.tpm,
    extraArgs: change.extraArgs ?? before.extraArgs,
    autostart: change.autostart ?? before.autostart,
    notes: change.notes ?? before.notes,
  };
  checkNbdDisks(definition, (change.disks ?? record.disks).length);
  if (change.boot?.once !== undefined)
    checkBootDevice(
      definition.boot.once,
      { definition, diskCount: (change.disks ?? record.disks).length },
      'boot.once',
    );
  checkDefinition(definition, target);
  return definition;
};

/** The same text for the same content, in whatever order the keys were set. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** What a guest would notice of a definition. Media are changed while it runs, disks' images by snapshots. */
export const hardwareOf = (definition: StoredDefinition, disks: readonly StoredDisk[]): string => {
  const { autostart: _, notes: __, media, boot, ...hardware } = definition;
  const seen = {
    ...hardware,
    boot: { order: boot.order, menu: boot.menu },
    media: media.map(({ slot }) => slot),
    disks: disks.map(({ id, bus, cache, discard }) => ({ id, bus, cache, discard })),
  };
  return createHash('sha256').update(canonical(seen)).digest('hex').slice(0, 16);
};

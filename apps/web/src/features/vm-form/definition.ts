import type { CreateVm, DiskInput, NbdDisk, NicInput, PatchVm, Vm } from '@strata/contract';

type DiskDraft = NonNullable<PatchVm['disks']>[number];

/** What a form edits of a VM: its definition in the words of a PATCH, every field present. */
export interface Definition {
  name: string;
  accelerator: CreateVm['accelerator'];
  cpus: number;
  memory: number | null;
  firmware: CreateVm['firmware'];
  machine: string;
  boot: { order: CreateVm['boot']['order']; menu: boolean; once: CreateVm['boot']['once'] | null };
  kernel: NonNullable<CreateVm['kernel']> | null;
  disks: DiskDraft[];
  nbdDisks: NbdDisk[];
  media: CreateVm['media'];
  nics: NicInput[];
  display: CreateVm['display'];
  audio: CreateVm['audio'];
  serial: number;
  extraArgs: string[];
  autostart: boolean;
  notes: string;
}
export type { DiskDraft, DiskInput };

export function definitionOf(vm: Vm): Definition {
  return {
    name: vm.name,
    accelerator: vm.accelerator,
    cpus: vm.cpus,
    memory: vm.memory,
    firmware: vm.firmware,
    machine: vm.machine,
    boot: vm.boot,
    kernel: vm.kernel,
    disks: vm.disks.map(({ id, bus, cache, discard }) => ({
      id,
      bus,
      cache: cache as DiskDraft['cache'],
      discard,
    })),
    nbdDisks: vm.nbdDisks ?? [],
    media: vm.media.map(({ kind, imageId }) => ({ kind, imageId })),
    nics: vm.nics.map(({ mode, model, mac, network, forwards }) => ({
      mode: mode as NicInput['mode'],
      model: model as NicInput['model'],
      mac,
      ...(network === undefined ? {} : { network }),
      forwards,
    })),
    display: vm.display as Definition['display'],
    audio: vm.audio as Definition['audio'],
    serial: vm.serial,
    extraArgs: vm.extraArgs,
    autostart: vm.autostart,
    notes: vm.notes,
  };
}

/** Only these take effect while the VM runs; the rest waits for the next start. */
const atOnce: ReadonlySet<keyof Definition> = new Set(['name', 'notes', 'autostart']);

export function waitsForStart(field: keyof Definition): boolean {
  return !atOnce.has(field);
}

/** The draft without what equals the VM as it is. */
export function changesOf(definition: Definition, draft: Partial<Definition>): Partial<Definition> {
  const changed = Object.entries(draft).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(definition[field as keyof Definition]),
  );
  return Object.fromEntries(changed);
}

export function patchOf(changes: Partial<Definition>): PatchVm {
  const { memory, extraArgs, name, ...rest } = changes;
  return {
    ...rest,
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(memory === undefined || memory === null ? {} : { memory }),
    ...(extraArgs === undefined ? {} : { extraArgs: extraArgs.map((each) => each.trim()).filter(Boolean) }),
  } as PatchVm;
}

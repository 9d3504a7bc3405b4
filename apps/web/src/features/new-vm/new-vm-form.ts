import {
  type CreateVm,
  type CreateVmInput,
  type NbdDisk,
  type NicInput,
  parseNbdUri,
} from '@strata/contract';
import { words } from '../../lib/words.ts';

export type Source = keyof typeof words.newVm.sources;
export type Preset = keyof typeof words.newVm.presets;

/** What the system decides and Advanced can change. */
export interface Choices {
  arch: CreateVm['arch'];
  /** A machine type; empty for the newest q35. */
  machine: string;
  firmware: CreateVm['firmware'];
  accelerator: CreateVm['accelerator'];
  bus: CreateVm['disks'][number]['bus'];
  nicMode: NicInput['mode'];
  nicModel: NicInput['model'];
  display: CreateVm['display'];
  audio: CreateVm['audio'];
  serial: number;
  cpus: number;
  memory: number | null;
  diskSize: number | null;
  extraArgs: string;
  autostart: boolean;
  notes: string;
}

export interface NewVmForm {
  source: Source;
  imageId: string | null;
  useAs: 'overlay' | 'itself';
  isoId: string | null;
  kernel: NonNullable<CreateVm['kernel']>;
  nbd: NbdDisk;
  preset: Preset;
  /** As typed; empty: the suggestion is used. */
  name: string;
  /** What differs from the preset. */
  changed: Partial<Choices>;
}

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

const linux: Choices = {
  arch: 'x86_64',
  machine: '',
  firmware: 'bios',
  accelerator: 'auto',
  bus: 'virtio',
  nicMode: 'user',
  nicModel: 'virtio',
  display: 'virtio',
  audio: 'none',
  serial: 1,
  cpus: 2,
  memory: 2 * gibibyte,
  diskSize: 20 * gibibyte,
  extraArgs: '',
  autostart: false,
  notes: '',
};

/** Windows gets hardware that it knows without a driver disk; older systems get the older chipset `pc`. */
const presets: Record<Preset, Choices> = {
  linux,
  windows: {
    ...linux,
    bus: 'sata',
    nicModel: 'e1000e',
    display: 'std',
    audio: 'hda',
    memory: 4 * gibibyte,
    diskSize: 64 * gibibyte,
  },
  oldWindows: {
    ...linux,
    machine: 'pc',
    bus: 'ide',
    nicModel: 'rtl8139',
    display: 'std',
    audio: 'ac97',
    cpus: 1,
    memory: gibibyte,
    diskSize: 20 * gibibyte,
  },
  bsd: { ...linux, display: 'std' },
  dos: {
    ...linux,
    machine: 'pc',
    bus: 'ide',
    nicModel: 'ne2k_pci',
    display: 'cirrus',
    cpus: 1,
    memory: 64 * mebibyte,
    diskSize: 2 * gibibyte,
  },
};

export function emptyForm(imageId: string | null): NewVmForm {
  return {
    source: 'image',
    imageId,
    useAs: 'overlay',
    isoId: null,
    kernel: { path: '', append: '' },
    nbd: { uri: '', readOnly: true, bus: 'virtio' },
    preset: 'linux',
    name: '',
    changed: {},
  };
}

/** What a system knows or does not know; the rest is the user's own and fits any. */
const ofTheSystem: ReadonlySet<string> = new Set<keyof Choices>([
  ...(['machine', 'firmware', 'bus', 'nicModel', 'display', 'audio'] as const),
]);

/** Another system: what was typed stays, the hardware that was chosen for the former one would hardly fit. */
export function withPreset(form: NewVmForm, preset: Preset): NewVmForm {
  const kept = Object.entries(form.changed).filter(([field]) => !ofTheSystem.has(field));
  return { ...form, preset, changed: Object.fromEntries(kept) };
}

/** The preset's choices with what was changed. */
export function choicesOf(form: NewVmForm): Choices {
  return { ...presets[form.preset], ...form.changed };
}

/** A name for who does not want to think of one: of the image, without its extension, and free. */
export function suggestedName(sourceName: string | null, preset: Preset, taken: readonly string[]): string {
  const bare = sourceName?.replace(/\.(qcow2|raw|img|iso|vmdk|vdi|vhdx?|vpc)$/i, '').trim();
  const stem = (bare || words.newVm.presets[preset].label.split(' ')[0] || 'vm').toLowerCase().slice(0, 80);
  const used = new Set(taken.map((name) => name.toLowerCase()));
  if (!used.has(stem)) return stem;
  let number = 2;
  while (used.has(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

/** The server tells names apart as this does: whatever their case. */
export function isTaken(name: string, taken: readonly string[]): boolean {
  const wanted = name.trim().toLowerCase();
  return taken.some((each) => each.toLowerCase() === wanted);
}

/** A path that is still being written would only be refused. */
const isWhole = (path: string): boolean => path.startsWith('/') && !path.endsWith('/');

/** With TLS it needs the client's keys. */
const isUsable = ({ uri, credentials }: NbdDisk): boolean => {
  const target = parseNbdUri(uri);
  return target !== null && (!target.tls || isWhole(credentials ?? ''));
};

/** What is still needed before the VM can be made, in words; null when nothing is. */
export function missingIn(form: NewVmForm, taken: readonly string[]): string | null {
  const { missing } = words.newVm;
  const choices = choicesOf(form);
  if (form.source === 'image' && form.imageId === null) return missing.image;
  if (form.source === 'iso' && form.isoId === null) return missing.iso;
  if (form.source === 'nbd' && !isUsable(form.nbd)) return missing.nbd;
  if (isTaken(form.name, taken)) return words.newVm.nameTaken(form.name.trim());
  if (form.source === 'kernel' && !isWhole(form.kernel.path)) return missing.kernel;
  if (choices.memory === null || (needsNewDisk(form.source) && choices.diskSize === null))
    return missing.size;
  return null;
}

export function needsNewDisk(source: Source): boolean {
  return source === 'iso' || source === 'empty' || source === 'network';
}

const bootOrders: Record<Source, CreateVm['boot']['order']> = {
  image: ['disk', 'cdrom', 'network'],
  // The disk first: once the installer has written it, the CD is passed over by itself.
  iso: ['disk', 'cdrom', 'network'],
  empty: ['disk', 'cdrom', 'network'],
  kernel: ['disk'],
  network: ['network', 'disk'],
  nbd: ['disk', 'cdrom', 'network'],
};

/** The form in the words of the contract. */
export function createBodyOf(form: NewVmForm, name: string): CreateVmInput {
  const choices = choicesOf(form);
  return {
    name: form.name.trim() || name,
    arch: choices.arch,
    accelerator: choices.accelerator,
    cpus: choices.cpus,
    ...(choices.memory === null ? {} : { memory: choices.memory }),
    firmware: choices.firmware,
    ...(choices.machine ? { machine: choices.machine } : {}),
    boot: { order: bootOrders[form.source] },
    ...(form.source === 'kernel' ? { kernel: form.kernel } : {}),
    disks: disksOf(form, choices),
    ...(form.source === 'nbd' ? { nbdDisks: [form.nbd] } : {}),
    media: form.source === 'iso' ? [{ kind: 'cdrom', imageId: form.isoId }] : [],
    nics: choices.nicMode === 'none' ? [] : [{ mode: choices.nicMode, model: choices.nicModel }],
    display: choices.display,
    audio: choices.audio,
    serial: choices.serial,
    extraArgs: choices.extraArgs
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean),
    autostart: choices.autostart,
    notes: choices.notes,
  };
}

function disksOf(form: NewVmForm, { bus, diskSize }: Choices): NonNullable<CreateVmInput['disks']> {
  if (form.source === 'nbd') return [];
  if (form.source === 'kernel') return form.imageId ? [{ overlayOf: form.imageId, bus }] : [];
  if (form.source === 'image') {
    if (form.imageId === null) return [];
    return form.useAs === 'overlay' ? [{ overlayOf: form.imageId, bus }] : [{ imageId: form.imageId, bus }];
  }
  return diskSize === null ? [] : [{ create: { format: 'qcow2', size: diskSize }, bus }];
}

import type { ComponentType } from 'react';
import { words } from '../../lib/words.ts';
import { ReadDeviceForm } from '../devices/read-device-form.tsx';
import { FloppyForm } from './floppy-form.tsx';
import { FolderIsoForm } from './folder-iso-form.tsx';
import { SeedForm } from './seed-form.tsx';

export interface MakeFormProps {
  onClose: () => void;
}

/** One way to make an image: an entry here is all that the dialog needs. */
export interface MakeKind {
  readonly key: string;
  readonly label: string;
  readonly text: string;
  readonly Form: ComponentType<MakeFormProps>;
}

const { kinds, texts } = words.make;

export const makeKinds: readonly [MakeKind, ...MakeKind[]] = [
  { key: 'iso', label: kinds.iso, text: texts.iso, Form: FolderIsoForm },
  { key: 'floppy', label: kinds.floppy, text: texts.floppy, Form: FloppyForm },
  { key: 'seed', label: kinds.seed, text: texts.seed, Form: SeedForm },
  { key: 'device', label: words.devices.read.kind, text: words.devices.read.text, Form: ReadDeviceForm },
];

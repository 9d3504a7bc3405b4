import type { Upload } from '@strata/contract';
import type { ComponentType } from 'react';
import { words } from '../../lib/words.ts';
import { ReadDeviceForm } from '../devices/read-device-form.tsx';
import { DiskForm } from './disk-form.tsx';
import { FloppyForm } from './floppy-form.tsx';
import { IsoForm } from './iso-form.tsx';
import { SeedForm } from './seed-form.tsx';
import type { PickedFiles } from './use-files-source.ts';

export interface MakeFormProps {
  onClose: () => void;
  /** Files that were sent before, and wait for an image to be made of them. */
  sent: Upload | null;
  /** What was picked in the dialog, whatever is made of it. */
  picked: PickedFiles;
}

/** One way to make an image: an entry here is all that the dialog needs. */
export interface MakeKind {
  readonly key: string;
  readonly label: string;
  readonly text: string;
  /** It can be made of files that were sent. */
  readonly ofFiles: boolean;
  readonly Form: ComponentType<MakeFormProps>;
}

const { kinds, texts } = words.make;

export const makeKinds: readonly [MakeKind, ...MakeKind[]] = [
  { key: 'iso', label: kinds.iso, text: texts.iso, ofFiles: true, Form: IsoForm },
  { key: 'floppy', label: kinds.floppy, text: texts.floppy, ofFiles: true, Form: FloppyForm },
  { key: 'disk', label: kinds.disk, text: texts.disk, ofFiles: true, Form: DiskForm },
  { key: 'seed', label: kinds.seed, text: texts.seed, ofFiles: false, Form: SeedForm },
  {
    key: 'device',
    label: words.devices.read.kind,
    text: words.devices.read.text,
    ofFiles: false,
    Form: ReadDeviceForm,
  },
];

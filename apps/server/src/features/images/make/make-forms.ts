import { AppError } from '../../../app-error.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { type FatForm, readFat, writeFat } from '../../../qemu/tools/fat-tool.ts';
import { type IsoForm, isoDiffers, writeIso } from '../../../qemu/tools/iso-tool.ts';
import { type DiskForm, makeDisk } from './make-disk.ts';
import { proveIn } from './prove-files.ts';

/** What is made. */
export type MadeForm =
  | ({ readonly kind: 'iso' } & IsoForm)
  | { readonly kind: 'floppy'; readonly kilobytes: number; readonly label: string }
  | ({ readonly kind: 'disk' } & DiskForm);

interface Making<Form> {
  /** What it is made of. */
  readonly folder: string;
  /** A name of ours for what lies there only meanwhile: with endings of its own. */
  readonly beside: string;
  /** The file to be made. */
  readonly part: string;
  readonly form: Form;
  readonly bytes: number;
}

const makeIso = async (
  { folder, part, form, bytes }: Making<IsoForm>,
  next: () => WorkWatch,
): Promise<void> => {
  await writeIso(folder, part, form, bytes, next());
  const difference = await isoDiffers(folder, part, next());
  if (difference !== null)
    throw new AppError(
      'not-possible',
      `${folder} was changed while it was read, and the ISO was removed: ${difference.slice(0, 300)}`,
    );
};

const makeFloppy = async (
  { folder, beside, part, form, bytes }: Making<FatForm>,
  next: () => WorkWatch,
): Promise<void> => {
  await writeFat(folder, part, form, bytes, next());
  const proving = next();
  await proveIn({ folder, beside }, proving, 'The floppy', (proof) => readFat(part, form, proof, proving));
};

/** The parts of the work, in words: each begins with a call of `next`. */
export const partsOf = (form: MadeForm): readonly string[] => {
  const write = form.kind === 'iso' ? 'Write the disc' : 'Format it, and write the files';
  const parts = [write, 'Compare it with the files, byte by byte'];
  return form.kind === 'disk' && form.format === 'qcow2' ? [...parts, 'Convert it to qcow2'] : parts;
};

/** Written, and compared with what it was made of. */
export const makeForm = (making: Making<MadeForm>, next: () => WorkWatch): Promise<void> => {
  const { form } = making;
  if (form.kind === 'iso') return makeIso({ ...making, form }, next);
  return form.kind === 'floppy' ? makeFloppy({ ...making, form }, next) : makeDisk({ ...making, form }, next);
};

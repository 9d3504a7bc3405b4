import { mkdir, rm } from 'node:fs/promises';
import { AppError } from '../../../app-error.ts';
import { type FloppyForm, readFloppy, writeFloppy } from '../../../qemu/tools/floppy-tool.ts';
import { type IsoForm, isoDiffers, writeIso } from '../../../qemu/tools/iso-tool.ts';
import { workWatch } from '../../../qemu/work-watch.ts';
import type { OperationContext } from '../../operations/operations.types.ts';
import { sameFiles } from './same-files.ts';

/** What is made. */
export type MadeForm = ({ readonly kind: 'iso' } & IsoForm) | ({ readonly kind: 'floppy' } & FloppyForm);

/** Of the operation that makes it: how far it is, and whether it shall end. */
type Worked = Pick<OperationContext<unknown, unknown>, 'cancelled' | 'controls' | 'progress' | 'step'>;

interface Making<Form> {
  /** What it is made of. */
  readonly folder: string;
  /** The file to be made. */
  readonly part: string;
  readonly form: Form;
  readonly bytes: number;
}

const makeIso = async ({ folder, part, form, bytes }: Making<IsoForm>, worked: Worked): Promise<void> => {
  const half = (offset: number) =>
    workWatch(worked, (fraction) => worked.progress(((offset + fraction) / 2) * bytes, bytes));
  await writeIso(folder, part, form, bytes, half(0));
  worked.step(1);
  const difference = await isoDiffers(folder, part, half(1));
  if (difference !== null)
    throw new AppError(
      'not-possible',
      `${folder} was changed while it was read, and the ISO was removed: ${difference.slice(0, 300)}`,
    );
};

/** Where a floppy is read back to, beside what it is made of. */
export const proofOf = (folder: string): string => `${folder}.read`;

const makeFloppy = async (
  { folder, part, form, bytes }: Making<FloppyForm>,
  { cancelled, progress, step }: Worked,
): Promise<void> => {
  await writeFloppy(folder, part, form, cancelled);
  step(1);
  progress(bytes / 2, bytes);
  const proof = proofOf(folder);
  await rm(proof, { recursive: true, force: true });
  await mkdir(proof, { mode: 0o700 });
  try {
    await readFloppy(part, proof, cancelled);
    if (await sameFiles(folder, proof)) return;
    throw new AppError(
      'not-possible',
      'The floppy does not read as the files it was made of; it was removed.',
    );
  } finally {
    await rm(proof, { recursive: true, force: true });
  }
};

/** Written, and compared with what it was made of. */
export const makeForm = (making: Making<MadeForm>, worked: Worked): Promise<void> => {
  const { form } = making;
  return form.kind === 'iso' ? makeIso({ ...making, form }, worked) : makeFloppy({ ...making, form }, worked);
};

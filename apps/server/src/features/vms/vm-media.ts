import { AppError } from '../../app-error.ts';
import { ask, refusalOf } from '../../qemu/monitors.ts';
import { checkMedia } from './vm-disks.ts';
import type { VmRecord } from './vm-record.types.ts';
import { demandNotSuspended } from './vm-resume.ts';
import type { VmRun } from './vm-run.ts';
import { exclusively, recordOf, type VmsContext } from './vms.context.ts';

const asLocked = (error: unknown, slot: string): unknown =>
  /is locked/.test(refusalOf(error) ?? '')
    ? new AppError('vm-busy', `The guest has locked the drive ${slot}. Let the guest eject it, or force it.`)
    : error;

const change = async (
  context: VmsContext,
  run: VmRun,
  medium: { slot: string; kind: 'cdrom' | 'floppy' },
  imageId: string | null,
  force: boolean,
): Promise<void> => {
  const { control } = run.monitors;
  try {
    if (imageId === null)
      return void (await ask('eject the medium', control.execute('eject', { id: medium.slot, force })));
    await ask(
      'change the medium',
      control.execute('blockdev-change-medium', {
        id: medium.slot,
        // Absolute, so that no colon in it can be read as a protocol.
        filename: context.images.facts(imageId).path,
        format: 'raw',
        force,
        'read-only-mode': medium.kind === 'cdrom' ? 'read-only' : 'retain',
      }),
    );
  } catch (error) {
    throw asLocked(error, medium.slot);
  }
};

/** Puts an image into a drive, or takes it out (`null`): now when the VM runs, and for the next starts. */
export const changeMedium = async (
  context: VmsContext,
  id: string,
  slot: string,
  imageId: string | null,
  force: boolean,
): Promise<void> => {
  const record: VmRecord = recordOf(context, id);
  const medium = record.definition.media.find((drive) => drive.slot === slot);
  if (medium === undefined) {
    const drives = record.definition.media.map((drive) => drive.slot).join(', ');
    throw new AppError(
      'not-found',
      `The VM "${record.name}" has no drive "${slot}" (it has ${drives || 'none'}).`,
    );
  }
  demandNotSuspended(record, 'Its drives cannot be changed.');
  const media = record.definition.media.map((drive) => (drive.slot === slot ? { ...drive, imageId } : drive));
  checkMedia(context, media);
  await exclusively(context, record, 'changing', async () => {
    const run = context.runs.get(id);
    if (run !== undefined && !run.ended) await change(context, run, medium, imageId, force);
    context.repository.setDefinition({ ...record, definition: { ...record.definition, media } });
    context.repository.addEvent(id, imageId === null ? 'ejected' : 'inserted', slot);
  });
};

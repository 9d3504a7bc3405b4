import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../qemu/monitors.ts';
import type { VmRecord } from './vm-record.types.ts';
import type { VmRun } from './vm-run.ts';
import { pathsOf, recordOf, type VmsContext } from './vms.context.ts';

/** A picture is this old at most when a new one is asked for: thumbnails of many pages cost one dump a second. */
const freshMs = 1_000;
const lastPictureMs = 1_000;

interface Recent {
  readonly at: number;
  readonly picture: Promise<void>;
}
const recent = new WeakMap<VmRun, Recent>();

/** QEMU writes the file; it is renamed when complete, so that nobody reads half a picture. */
const dump = async (context: VmsContext, record: VmRecord, run: VmRun): Promise<void> => {
  const { screen } = pathsOf(context, record);
  const draft = `${screen}.${randomBytes(4).toString('hex')}`;
  try {
    await ask(
      'take a picture of the screen',
      run.monitors.control.execute('screendump', { filename: draft, format: 'png' }),
    );
    await rename(draft, screen);
  } finally {
    await rm(draft, { force: true });
  }
};

const refresh = (context: VmsContext, record: VmRecord, run: VmRun): Promise<void> => {
  const last = recent.get(run);
  if (last !== undefined && performance.now() - last.at < freshMs) return last.picture;
  const picture = dump(context, record, run);
  recent.set(run, { at: performance.now(), picture });
  return picture;
};

/** The last picture of a VM that is about to end. Its absence stops nothing, nor does a QEMU that is frozen. */
export const keepPicture = async (context: VmsContext, record: VmRecord, run: VmRun): Promise<void> => {
  if (record.definition.display === 'none') return;
  const picture = refresh(context, record, run).catch(() => {});
  await Promise.race([picture, sleep(lastPictureMs, undefined, { ref: false })]);
};

export const forgetPicture = (context: VmsContext, record: VmRecord): Promise<void> =>
  rm(pathsOf(context, record).screen, { force: true });

/** Whether {@link screenshotOf} has something to show. */
export const hasPicture = (context: VmsContext, record: VmRecord): boolean => {
  if (record.definition.display === 'none') return false;
  const run = context.runs.get(record.id);
  return (run?.reached === true && !run.ended) || existsSync(pathsOf(context, record).screen);
};

export const screenshotOf = async (context: VmsContext, id: string): Promise<Buffer | null> => {
  const record = recordOf(context, id);
  if (record.definition.display === 'none') return null;
  const run = context.runs.get(id);
  if (run?.reached === true && !run.ended)
    await refresh(context, record, run).catch((error: unknown) => {
      // It may have ended in this moment: then the last picture is the right one.
      if (!run.ended) throw error;
    });
  return readFile(pathsOf(context, record).screen).catch(() => null);
};

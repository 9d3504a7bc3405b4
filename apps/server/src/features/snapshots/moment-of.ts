import { AppError } from '../../app-error.ts';
import type { CopyMoment } from '../vms/vm-copies.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { KeptVarsFiles } from './kept-vars.ts';
import { varsBlockers } from './revert-hardware.ts';
import { memoryBlockers, memoryOf } from './revert-memory.ts';
import type { ScreenshotFiles } from './screenshot-files.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

interface Deps {
  readonly vms: Pick<VmsService, 'memory'>;
  readonly vars: KeptVarsFiles;
  readonly screenshots: Pick<ScreenshotFiles, 'pathOf'>;
}

const memoryFor = async (
  { vms, screenshots }: Deps,
  snapshot: StoredSnapshot,
): Promise<Pick<CopyMoment, 'memory'>> => {
  const memory = memoryOf(snapshot);
  if (memory === null)
    throw new AppError(
      'not-possible',
      snapshot.memory
        ? `The memory of “${snapshot.name}” lies inside its layer, and goes on in this VM only. Branch without memory: the new VM then boots from the disks of that moment.`
        : `“${snapshot.name}” is of the disks alone: there is no memory that a guest could go on from. Branch without memory.`,
    );
  const [gone] = await memoryBlockers(vms, snapshot);
  if (gone !== undefined) throw new AppError('not-possible', gone.message);
  const { vmId, screenshot } = snapshot;
  const picture = screenshot === null ? {} : { picture: screenshots.pathOf(vmId, screenshot) };
  return { memory: { path: vms.memory.pathOf(vmId, memory.file), bytes: memory.bytes, ...picture } };
};

/** For a new VM that begins as this one was then; with all files that belong to it, or not at all. */
export const momentOf = async (
  deps: Deps,
  snapshot: StoredSnapshot,
  withMemory: boolean,
): Promise<CopyMoment | null> => {
  const { vmId, definition: hardware, varsFile } = snapshot;
  const memory = withMemory ? await memoryFor(deps, snapshot) : {};
  if (hardware === null) return null;
  const [gone] = await varsBlockers(
    deps.vars,
    snapshot,
    'Make a new VM on overlays of its layers instead: that begins with fresh ones.',
  );
  if (gone !== undefined) throw new AppError('not-possible', gone.message);
  return { hardware, vars: varsFile === null ? null : deps.vars.pathOf(vmId, varsFile), ...memory };
};

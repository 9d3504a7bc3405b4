import type { Blocker } from '@strata/backing-chain';
import type { Revert } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Suspended } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** A memory beside the layers of a snapshot, and what it fits. */
export type KeptMemory = Pick<Suspended, 'file' | 'bytes' | 'hardware'>;

/** Null without one: an internal snapshot has its memory inside a layer, unless the VM was suspended. */
export const memoryOf = ({ memoryFile, memoryBytes, definition }: StoredSnapshot): KeptMemory | null =>
  memoryFile === null || definition === null
    ? null
    : { file: memoryFile, bytes: memoryBytes ?? 0, hardware: definition };

/** With memory it goes on, unless the guest stood then or nobody wants it to run: then it is there, and paused. */
export const startOf = (
  { start }: Pick<Revert, 'start'>,
  snapshot: StoredSnapshot,
  before: 'no' | 'running' | 'paused',
): 'no' | 'running' | 'paused' => {
  if (!snapshot.memory) return start === undefined ? before : start ? 'running' : 'no';
  return start === false || (start === undefined && snapshot.definition?.ran?.paused === true)
    ? 'paused'
    : 'running';
};

/** Known before anything is touched. */
export const memoryBlockers = async (
  vms: Pick<VmsService, 'memory'>,
  snapshot: StoredSnapshot,
): Promise<Blocker[]> => {
  const memory = memoryOf(snapshot);
  if (memory === null || (await vms.memory.has(snapshot.vmId, memory.file))) return [];
  return [
    {
      code: 'memory-missing',
      message: `The memory of “${snapshot.name}” (${memory.file}) is gone, and its disks alone are no longer that moment. Branch a new VM from the disks instead.`,
      subjects: [{ kind: 'snapshot', id: snapshot.id, name: snapshot.name }],
    },
  ];
};

/** A memory that QEMU does not take will not be taken the next time: the VM is off, on the disks of that moment. */
const isFinal = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'qemu-refused' || error.code === 'not-possible');

/** Starts a VM that its books call suspended. For a reason that passes, it stays so, and the next start goes on. */
export const goOnFromMemory = async (
  vms: Pick<VmsService, 'memory' | 'start'>,
  vmId: string,
  paused: boolean,
): Promise<void> => {
  try {
    await vms.start(vmId, { paused });
  } catch (error) {
    if (isFinal(error)) vms.memory.setSuspended(vmId, null);
    throw error;
  }
};

import type { Problem, Vm, VmState } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { needsBridgeHelper } from '../../qemu/argv/network.ts';
import type { GuestFacts } from './guest-facts.ts';
import { hardwareOf } from './vm-definition.ts';
import { effectiveAccelerator } from './vm-launch.ts';
import { exposedPorts, sharedPorts } from './vm-ports.ts';
import type { StoredDisk, VmRecord } from './vm-record.types.ts';
import type { VmRun } from './vm-run.ts';
import { hasPicture } from './vm-screenshots.ts';
import type { VmsContext } from './vms.context.ts';

const stateOf = (context: VmsContext, record: VmRecord, run: VmRun | undefined): VmState => {
  const busy = context.busy.get(record.id);
  if (busy === 'starting') return 'starting';
  if ((run === undefined || run.ended) && record.suspended !== null) return 'suspended';
  if (run === undefined || run.ended) return record.lastFailure?.code === 'crashed' ? 'crashed' : 'off';
  if (busy === 'ending' || run.shutdown !== null) return 'stopping';
  return run.paused ? 'paused' : 'running';
};

const chainLength = (context: VmsContext, disk: StoredDisk): number => {
  try {
    return context.images.chainFacts(disk.imageId).length;
  } catch {
    return 0;
  }
};

const brokenDisks = (context: VmsContext, record: VmRecord): Problem[] =>
  record.disks.flatMap((disk): Problem[] => {
    try {
      const gone = context.images.chainFacts(disk.imageId).find((layer) => !layer.present);
      if (gone === undefined) return [];
      return [
        {
          code: 'layer-missing',
          message: `The layer "${gone.name}" (${gone.path}) of a disk is gone.`,
          repair: 'Put the file back, or take the disk out of the VM.',
        },
      ];
    } catch (error) {
      return error instanceof AppError ? [{ code: error.code, message: error.message }] : [];
    }
  });

const warnings = (context: VmsContext, record: VmRecord): Problem[] => [
  ...exposedPorts(record),
  ...sharedPorts(record, () => context.repository.all()),
  ...(needsBridgeHelper(record.definition.nics)
    ? [
        {
          code: 'weaker-sandbox',
          message:
            'A network card joins a bridge: QEMU must start its setuid helper, so its sandbox allows other processes for this VM.',
          repair: 'A tap interface made beforehand (mode "tap") needs no exception.',
        },
      ]
    : []),
];

const guestOf = (agent: boolean, facts: GuestFacts | null): NonNullable<Vm['guest']> => ({
  agent,
  ...facts,
  addresses: [...(facts?.addresses ?? [])],
});

const runningPart = (record: VmRecord, run: VmRun): Partial<Vm> => ({
  pid: run.process.pid,
  startedAt: run.process.startedAt,
  ...(run.shutdown === null ? {} : { shutdown: run.shutdown }),
  ...(run.agent === null ? {} : { guest: guestOf(run.agent, run.facts) }),
  changedSinceStart: run.process.hardware !== hardwareOf(record.definition, record.disks),
});

/** A VM as the API answers it. */
export const toVm = (context: VmsContext, record: VmRecord): Vm => {
  const run = context.runs.get(record.id);
  const isRunning = run !== undefined && !run.ended;
  const { id, uuid, name, definition, createdAt } = record;
  return {
    ...definition,
    ...{ id, uuid, name, createdAt },
    effectiveAccelerator: effectiveAccelerator(context, definition),
    disks: record.disks.map((disk) => ({ ...disk, chainLength: chainLength(context, disk) })),
    state: stateOf(context, record, run),
    changedSinceStart: false,
    suspended:
      record.suspended === null ? null : { at: record.suspended.at, memoryBytes: record.suspended.bytes },
    ...(isRunning ? runningPart(record, run) : {}),
    ...(record.lastFailure === null ? {} : { lastFailure: record.lastFailure }),
    hasPicture: hasPicture(context, record),
    current: { snapshotId: record.currentSnapshotId },
    snapshotCount: context.repository.snapshotCount(id),
    problems: [
      ...(isRunning ? run.problems.values() : []),
      ...brokenDisks(context, record),
      ...warnings(context, record),
    ],
  };
};

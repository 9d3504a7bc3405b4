import type { VmHardware } from '../../vms/vm-record.types.ts';

/** What a guest’s memory knows of its machine: all but the layers, the media in the drives, and wishes of the user. */
const machineOf = ({ definition, disks }: VmHardware): string => {
  const { autostart: _, notes: __, boot: ___, media = [], ...hardware } = definition;
  return JSON.stringify([
    Object.entries(hardware).sort(([one], [other]) => (one < other ? -1 : 1)),
    media.map(({ slot }) => slot),
    disks.map(({ id, bus }) => [id, bus]),
  ]);
};

/** Null: nobody wrote down what it was, and memory is tried on what there is. */
export const isSameMachine = (then: VmHardware | null, now: VmHardware | null): boolean =>
  then === null || now === null || machineOf(then) === machineOf(now);

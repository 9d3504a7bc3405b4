import type { Problem } from '@strata/contract';
import { isLoopback } from '../../qemu/argv/network.ts';
import type { VmRecord } from './vm-record.types.ts';

type Ports = Pick<VmRecord, 'id' | 'name' | 'definition'>;
export type Forward = Ports['definition']['nics'][number]['forwards'][number];

export const forwardsOf = ({ definition }: Pick<Ports, 'definition'>): Forward[] =>
  definition.nics.flatMap((nic) => nic.forwards);

export const exposedPorts = (record: Ports): Problem[] => {
  const open = forwardsOf(record)
    .filter((forward) => !isLoopback(forward.hostAddress))
    .map(({ protocol, hostAddress, hostPort }) => `${hostAddress}:${hostPort} (${protocol})`);
  if (open.length === 0) return [];
  return [
    {
      code: 'port-exposed',
      message: `Other machines reach this guest while it runs, at ${open.join(', ')}.`,
      repair: 'If that is not wanted, forward from 127.0.0.1 instead.',
    },
  ];
};

export const meets = (one: Forward, other: Forward): boolean =>
  one.protocol === other.protocol &&
  one.hostPort === other.hostPort &&
  (one.hostAddress === other.hostAddress || [one.hostAddress, other.hostAddress].includes('0.0.0.0'));

/** A VM that was made like another one (a branch, a duplicate) keeps its port forwards: only one of them gets the port. */
export const sharedPorts = (record: Ports, all: () => readonly Ports[]): Problem[] => {
  const mine = forwardsOf(record);
  if (mine.length === 0) return [];
  return all()
    .filter(({ id }) => id !== record.id)
    .flatMap((other) => {
      const shared = mine.filter((forward) => forwardsOf(other).some((theirs) => meets(forward, theirs)));
      if (shared.length === 0) return [];
      const ports = shared.map(({ protocol, hostPort }) => `${hostPort} (${protocol})`).join(', ');
      return [
        {
          code: 'port-shared',
          message: `“${other.name}” forwards the same port of this host: ${ports}. While one of them runs, the other cannot be started.`,
          repair: 'Give one of them another host port.',
        },
      ];
    });
};

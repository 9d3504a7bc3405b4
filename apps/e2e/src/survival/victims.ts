import { killNow, programsOn } from '../processes.ts';
import type { Random } from '../random.ts';
import type { Strata } from '../strata.ts';
import type { SeenVm } from './world.ts';

export const victims = [
  'the server',
  'the server, and again while it recovers',
  'the QEMU of the VM',
  'the storage daemon',
  'the tool',
  'the server and the storage daemon',
  'the server and the tool',
  'the server and the QEMU of the VM',
  // As when the power fails: server, VMs, storage daemons and tools. What was synced is there; what else was written is
  // too, so that it is the order of the steps that is tested, and not the disk.
  'everything',
] as const;
export type Victim = (typeof victims)[number];

export const randomVictim = (random: Random): Victim => random.pick(victims);

/** Who was hit; the server is down when it is among them. */
export interface Killed {
  readonly server: boolean;
  readonly pids: ReadonlySet<number>;
  /** A qemu-img at work was among them. */
  readonly tool: boolean;
  readonly words: string;
}

const wants = (victim: Victim, what: string): boolean => victim === 'everything' || victim.includes(what);

/**
 * `kill -9`, all at once. A victim that isn't there (an operation that is live has no storage daemon, a block job no
 * qemu-img) is replaced by the server, so that each round kills something.
 */
export const strike = async (
  victim: Victim,
  strata: Strata,
  vm: Pick<SeenVm, 'pid'> | null,
): Promise<Killed> => {
  const programs = programsOn(strata.dataDir).filter(({ kind }) => kind !== 'server');
  const chosen = programs.filter(
    ({ kind, pid }) =>
      victim === 'everything' ||
      (kind === 'daemon' && wants(victim, 'daemon')) ||
      (kind === 'tool' && wants(victim, 'tool')) ||
      (kind === 'vm' && wants(victim, 'QEMU') && pid === vm?.pid),
  );
  const server = wants(victim, 'server') || chosen.length === 0;
  // The server first: it must not get a moment in which it sees the others die.
  const ended = server ? strata.kill() : Promise.resolve();
  const hit = chosen.filter(({ pid }) => killNow(pid));
  await ended;
  return {
    server,
    pids: new Set(hit.map(({ pid }) => pid)),
    tool: hit.some(({ kind }) => kind === 'tool'),
    words: [...(server ? ['server'] : []), ...hit.map(({ kind }) => kind)].join(' + '),
  };
};

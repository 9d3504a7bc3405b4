import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type GuestConsole, guestOnWebSocket } from '../../../server/src/testing/guest-console.ts';
import { buildLinuxGuest } from '../../../server/src/testing/linux-guest.ts';
import { finished, type Json, type Strata, token } from '../strata.ts';

export const diskBytes = 2 * 1024 ** 2;
export const blockBytes = 4096;
/** As the guest calls them. */
export const devices = ['/dev/vda', '/dev/vdb'] as const;

/** What a guest has in its memory: which boot it is, and the number of its last write. */
export interface GuestMemory {
  readonly bootId: string;
  readonly counter: number;
}

/** A restore point as it was when it was taken. Its bytes come from what was written, not from any file of Strata. */
export interface Point {
  readonly id: string;
  readonly name: string;
  readonly disks: readonly Buffer[];
  /** Null: it has no memory. */
  readonly memory: GuestMemory | null;
}

/** A VM as it must be. */
export interface Machine {
  readonly vmId: string;
  readonly name: string;
  /** The bytes of its disks now. */
  disks: Buffer[];
  /** Of the guest that runs, stands or is suspended. */
  memory: GuestMemory | null;
  readonly points: Map<string, Point>;
}

export const copiesOf = (disks: readonly Buffer[]): Buffer[] => disks.map((disk) => Buffer.from(disk));

export const vmOf = (strata: Strata, { vmId }: Machine): Promise<Json> => strata.ok('GET', `/vms/${vmId}`);

/** A Linux on two empty disks, off. */
export const defineMachine = async (strata: Strata): Promise<Machine> => {
  const { kernel, initrd, append } = await buildLinuxGuest();
  const { id, name } = await strata.ok('POST', '/vms', {
    ...{ name: 'counting', memory: '128M', accelerator: 'tcg', display: 'none', nics: [] },
    kernel: { path: kernel, initrd, append },
    disks: devices.map(() => ({ create: { format: 'qcow2', size: diskBytes } })),
  });
  const disks = devices.map(() => Buffer.alloc(diskBytes));
  return { vmId: id, name, disks, memory: null, points: new Map() };
};

/** Talks with the guest as soon as it answers, after a boot as well as in the middle of its life. */
export const withGuest = async <Result>(
  strata: Strata,
  { vmId }: Machine,
  talk: (guest: GuestConsole) => Promise<Result>,
): Promise<Result> => {
  const url = `${strata.url.replace('http', 'ws')}/api/v1/vms/${vmId}/serial/0`;
  const socket = new WebSocket(url, [], { headers: { authorization: `Bearer ${token}` } });
  const guest = guestOnWebSocket(socket);
  await once(socket, 'open');
  try {
    // A guest that is booting does not hear: it is asked until it answers.
    for (let asked = 1; ; asked += 1)
      try {
        await guest.command('ping', 1000);
        break;
      } catch (error) {
        if (asked === 120) throw error;
      }
    return await talk(guest);
  } finally {
    guest.close();
  }
};

/** A guest that was booted knows of no write yet. */
export const begin = async (strata: Strata, machine: Machine): Promise<void> => {
  machine.memory = await withGuest(strata, machine, async (guest) => {
    await guest.command('mark 0');
    return { bootId: await guest.command('boot-id'), counter: 0 };
  });
};

export const powerOff = async (strata: Strata, machine: Machine): Promise<void> => {
  const { state } = await vmOf(strata, machine);
  if (state === 'suspended') await strata.ok('POST', `/vms/${machine.vmId}/forget-memory`);
  else if (state !== 'off') await strata.ok('POST', `/vms/${machine.vmId}/poweroff`);
  machine.memory = null;
};

/** The operation to its end; a string when it was refused: the words it was refused in. */
export const operate = async (
  strata: Strata,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ result: Json } | string> => {
  const { status, body: answer } = await strata.call(method, path, body);
  if (status < 300) return finished(strata, answer);
  if (status < 400 || status >= 500 || String(answer.detail).length < 10)
    throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  return String(answer.detail);
};

import { readdir, readFile, readlink } from 'node:fs/promises';
import type { ExportClient } from '@strata/contract';
import { allPids, argumentsOf } from '../process-identity.ts';

const established = '01';
const connectedUnix = '03';

/** `0100007F:2AF7` of /proc/net/tcp: the bytes of the address are in the order of this (little-endian) host. */
const endpointOf = (text: string): { host: string; port: number } => {
  const [address = '', port = ''] = text.split(':');
  const bytes = address.match(/../g) ?? [];
  return {
    host: bytes
      .reverse()
      .map((byte) => Number.parseInt(byte, 16))
      .join('.'),
    port: Number.parseInt(port, 16),
  };
};

interface Connection {
  readonly local: { host: string; port: number };
  readonly remote: { host: string; port: number };
  readonly inode: string;
}

export const parseTcp = (table: string): Connection[] =>
  table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === established)
    .map(([, local = '', remote = '', , , , , , , inode = '']) => ({
      local: endpointOf(local),
      remote: endpointOf(remote),
      inode,
    }));

/** Who has this socket open, among the processes that we may look into. */
const ownerOf = async (inode: string): Promise<Pick<ExportClient, 'pid' | 'program'>> => {
  for (const pid of await allPids()) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files)
      if ((await readlink(`/proc/${pid}/fd/${file}`).catch(() => '')) === `socket:[${inode}]`) {
        const [program] = await argumentsOf(pid);
        return { pid, ...(program === undefined ? {} : { program }) };
      }
  }
  return {};
};

/** Who is connected to a port of loopback. */
export const tcpClients = async (port: number): Promise<ExportClient[]> => {
  const connections = parseTcp(await readFile('/proc/net/tcp', 'utf8').catch(() => ''));
  const ours = connections.filter(({ local }) => local.port === port);
  return Promise.all(
    ours.map(async ({ remote }) => {
      const other = connections.find(
        ({ local, remote: to }) => local.port === remote.port && to.port === port,
      );
      const owner = other === undefined ? {} : await ownerOf(other.inode);
      return { address: `${remote.host}:${remote.port}`, ...owner };
    }),
  );
};

/** The kernel tells of each connection of a socket that it is there, and not whose it is. */
export const unixClients = async (socket: string): Promise<ExportClient[]> =>
  (await readFile('/proc/net/unix', 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line.endsWith(` ${socket}`) && line.trim().split(/\s+/)[5] === connectedUnix)
    .map(() => ({ address: 'unix' }));

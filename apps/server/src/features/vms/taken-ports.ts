import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Forward } from './vm-ports.ts';

const opensTcp = async ({ hostAddress, hostPort }: Forward): Promise<boolean> => {
  const server = createServer();
  try {
    server.listen({ host: hostAddress, port: hostPort, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

const opensUdp = async ({ hostAddress, hostPort }: Forward): Promise<boolean> => {
  const socket = createSocket('udp4');
  try {
    socket.bind({ address: hostAddress, port: hostPort, exclusive: true });
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
};

export const portKey = ({ protocol, hostAddress, hostPort }: Forward): string =>
  `${protocol} ${hostAddress}:${hostPort}`;

/** Those of these ports of the host that QEMU could not open now; it is tried for a moment. */
export const takenPorts = async (forwards: readonly Forward[]): Promise<Forward[]> => {
  const taken: Forward[] = [];
  for (const forward of forwards)
    if (!(await (forward.protocol === 'tcp' ? opensTcp : opensUdp)(forward))) taken.push(forward);
  return taken;
};

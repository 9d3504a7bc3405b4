import { createConnection } from 'node:net';
import type { WebSocket } from 'ws';
import { AppError } from '../../app-error.ts';
import { readLogEnd } from '../../qemu/bounded-log.ts';
import type { VmsFeature } from '../vms/vms.types.ts';
import { bridge } from './bridge.ts';
import { SerialLine, serialLimits } from './serial-line.ts';

export interface ConsolesService {
  /** Throws `not-found` or `vm-not-running`: asked before a WebSocket is opened. */
  checkScreen(vmId: string): void;
  showScreen(socket: WebSocket, vmId: string): void;
  checkSerial(vmId: string, port: number): void;
  /** Of a VM that is off: the end of its log, and the socket is closed. */
  showSerial(socket: WebSocket, vmId: string, port: number): void;
  close(): void;
}

/** Screens and serial ports of running VMs. Made before VMs are started or adopted: it takes their serial lines. */
export const createConsolesService = (vms: VmsFeature): ConsolesService => {
  const lines = new Map<string, SerialLine[]>();

  const hangUp = (vmId: string): void => {
    for (const line of lines.get(vmId) ?? []) line.close();
    lines.delete(vmId);
  };
  vms.onLive((vmId) => {
    hangUp(vmId);
    lines.set(
      vmId,
      vms.consolePlaces(vmId).serial.map(({ socket, log }) => new SerialLine(socket, log)),
    );
  });
  vms.onExit(hangUp);

  const screenOf = (vmId: string): string => {
    const { vnc } = vms.consolePlaces(vmId);
    if (vnc === null) throw new AppError('not-found', 'This VM has no display; its serial console may help.');
    if (!vms.isLive(vmId)) throw new AppError('vm-not-running', 'The VM is not running. Start it first.');
    return vnc;
  };
  const portOf = (vmId: string, port: number): { log: string } => {
    const found = vms.consolePlaces(vmId).serial[port];
    if (found === undefined) throw new AppError('not-found', `This VM has no serial port ${port}.`);
    return found;
  };

  return {
    checkScreen: (vmId) => void screenOf(vmId),
    showScreen: (socket, vmId) => bridge(socket, createConnection({ path: screenOf(vmId) })),
    checkSerial: (vmId, port) => void portOf(vmId, port),
    showSerial: (socket, vmId, port) => {
      const line = lines.get(vmId)?.[port];
      if (line !== undefined) return line.join(socket);
      socket.send(readLogEnd(portOf(vmId, port).log, serialLimits.replay).bytes, { binary: true });
      socket.close(1000, 'the VM is not running');
    },
    close: () => {
      for (const vmId of [...lines.keys()]) hangUp(vmId);
    },
  };
};

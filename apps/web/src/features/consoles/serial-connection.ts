import type { Terminal } from '@xterm/xterm';
import { openSocket } from '../../api/open-socket.ts';
import { backOff } from '../../lib/back-off.ts';

export type SerialState = 'connecting' | 'connected' | 'lost';

/**
 * Joins a terminal to a serial port until the returned function is called. A lost connection is taken up again;
 * without a process behind the VM one connection is enough, for what the port said before.
 */
export function keepSerial(
  vmId: string,
  port: number,
  live: boolean,
  terminal: Pick<Terminal, 'write' | 'reset' | 'onData'>,
  onState: (state: SerialState) => void,
): () => void {
  const stop = new AbortController();
  onState('connecting');
  void (async () => {
    for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
      const connected = await connectOnce(vmId, port, terminal, stop.signal, () => onState('connected'));
      if (stop.signal.aborted || !live) return;
      if (connected) attempt = 0;
      onState('lost');
      await new Promise((resolve) => setTimeout(resolve, backOff(attempt, Math.random, 250, 3000)));
    }
  })();
  return () => stop.abort();
}

async function connectOnce(
  vmId: string,
  port: number,
  terminal: Pick<Terminal, 'write' | 'reset' | 'onData'>,
  stop: AbortSignal,
  onOpen: () => void,
): Promise<boolean> {
  let socket: WebSocket;
  try {
    socket = await openSocket(`/vms/${vmId}/serial/${port}`, 'serial', vmId, stop);
  } catch {
    return false;
  }
  const encoder = new TextEncoder();
  const typed = terminal.onData((text) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
  });
  const close = () => socket.close();
  stop.addEventListener('abort', close, { once: true });
  return new Promise((resolve) => {
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      // The server repeats the kept output: what is on the terminal already would stand there twice.
      terminal.reset();
      onOpen();
    });
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) terminal.write(new Uint8Array(data));
    });
    socket.addEventListener('close', () => {
      typed.dispose();
      stop.removeEventListener('abort', close);
      resolve(opened);
    });
  });
}

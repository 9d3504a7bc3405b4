import { WebSocket } from 'ws';
import { type Strata, token } from './strata.ts';

/** The serial console of a VM as a script uses it: what the guest says, and lines to it. */
export interface Serial {
  /** Resolves with everything said since `mark` as soon as it matches. */
  until(pattern: RegExp, seconds?: number): Promise<string>;
  /** From here on `until` looks only at what comes. */
  mark(): void;
  send(line: string): void;
  close(): void;
}

export const openSerial = async (strata: Strata, vmId: string): Promise<Serial> => {
  const socket = new WebSocket(`${strata.url.replace('http', 'ws')}/api/v1/vms/${vmId}/serial/0`, [], {
    headers: { authorization: `Bearer ${token}` },
  });
  let said = '';
  let from = 0;
  let check = () => {};
  socket.on('message', (data) => {
    said += data.toString();
    check();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  return {
    mark: () => {
      from = said.length;
    },
    send: (line) => socket.send(Buffer.from(`${line}\n`)),
    close: () => socket.close(),
    until: (pattern, seconds = 60) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () =>
            reject(
              new Error(`the guest did not say ${pattern} within ${seconds} s, but:\n${said.slice(from)}`),
            ),
          seconds * 1000,
        );
        check = () => {
          if (!pattern.test(said.slice(from))) return;
          clearTimeout(timer);
          check = () => {};
          resolve(said.slice(from));
        };
        check();
      }),
  };
};

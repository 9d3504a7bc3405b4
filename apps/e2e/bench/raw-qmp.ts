import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../src/strata.ts';

/** QMP with nothing of ours in it: what the same job costs at least. */
export interface RawQmp {
  execute(command: string, args?: Json): Promise<Json>;
  /** The next event of this name that satisfies. */
  event(name: string, satisfies?: (data: Json) => boolean): Promise<Json>;
  quit(): Promise<void>;
}

const open = async (path: string): Promise<Socket> => {
  for (;;) {
    if (existsSync(path)) {
      const socket = connect(path);
      // `once` rejects at an `error`: the socket file is there a moment before somebody listens.
      const connected = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      if (connected) return socket;
    }
    await delay(2);
  }
};

/** A QEMU program with a QMP socket at `path`, which its arguments name. */
export const startRaw = async (program: string, args: string[], path: string): Promise<RawQmp> => {
  rmSync(path, { force: true });
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const socket = await open(path);
  const answers: ((answer: Json) => void)[] = [];
  const watchers = new Set<(message: Json) => void>();
  const lines = createInterface({ input: socket });
  // `quit` may reset the connection.
  lines.on('error', () => {});
  socket.on('error', () => {});
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if ('return' in message || 'error' in message) answers.shift()?.(message);
    else for (const watch of [...watchers]) watch(message);
  });
  const execute = (command: string, args?: Json): Promise<Json> =>
    new Promise((resolve, reject) => {
      answers.push((answer) =>
        'error' in answer ? reject(new Error(`${command}: ${answer.error.desc}`)) : resolve(answer.return),
      );
      socket.write(
        `${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) })}\n`,
      );
    });
  await execute('qmp_capabilities');
  return {
    execute,
    event: (name, satisfies = () => true) =>
      new Promise((resolve) => {
        const watch = (message: Json): void => {
          if (message.event !== name || !satisfies(message.data)) return;
          watchers.delete(watch);
          resolve(message.data);
        };
        watchers.add(watch);
      }),
    quit: async () => {
      // The answer may not come before the end.
      void execute('quit').catch(() => {});
      await exited;
      socket.destroy();
    },
  };
};

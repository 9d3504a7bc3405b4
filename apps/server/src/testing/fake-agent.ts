import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the agent does with a command: answers, refuses, says nothing, or dies. */
export type Reaction = { readonly return: unknown } | { readonly error: string } | 'silence' | 'death';

export interface FakeAgent {
  readonly path: string;
  /** The commands that arrived, synchronizations left out. */
  readonly heard: readonly string[];
  babble(text: string): void;
  stop(): Promise<void>;
}

/** A guest agent by script, on a socket like QEMU's: one client at a time, and answers in the order of the commands. */
export const startFakeAgent = async (
  react: (command: string, number: number) => Reaction | Promise<Reaction>,
  leftInTheChannel = '',
): Promise<FakeAgent> => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-agent-'));
  const path = join(folder, 'g');
  const heard: string[] = [];
  let client: Socket | null = null;
  const sockets = new Set<Socket>();

  const obey = async (socket: Socket, line: string): Promise<void> => {
    const { execute, arguments: given } = JSON.parse(line) as {
      execute: string;
      arguments?: { id: number };
    };
    if (execute === 'guest-sync-delimited') {
      socket.write(
        Buffer.concat([Buffer.of(0xff), Buffer.from(`${JSON.stringify({ return: given?.id })}\n`)]),
      );
      return;
    }
    heard.push(execute);
    const reaction = await react(execute, heard.length);
    if (reaction === 'death') socket.destroy();
    else if (reaction !== 'silence')
      socket.write(
        `${JSON.stringify('error' in reaction ? { error: { class: 'GenericError', desc: reaction.error } } : reaction)}\n`,
      );
  };

  const server = createServer((socket) => {
    client = socket;
    socket.write(leftInTheChannel);
    sockets.add(socket);
    socket.on('error', () => {});
    let rest = '';
    let work = Promise.resolve();
    socket.on('data', (bytes) => {
      const lines = (rest + bytes.toString('latin1').replaceAll('\u00ff', '')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) work = work.then(() => obey(socket, line));
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  return {
    path,
    heard,
    babble: (text) => void client?.write(text),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

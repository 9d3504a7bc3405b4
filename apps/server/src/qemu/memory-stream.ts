import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';

/*
 * How the memory gets out of QEMU and back, without a shell and without another process (its sandbox forbids one):
 * into a listener of this server, or by QEMU itself where it knows how to write a file (qemu-recipes.md §5).
 */

const chunkBytes = 1024 ** 2;

/** Where QEMU sends the memory. */
export interface MemorySink {
  readonly uri: string;
  /** What has arrived by now. */
  received(): Promise<number>;
  /** Resolves when everything is in the file; throws what kept it from being written. */
  complete(): Promise<void>;
  /** Why the file could not be written: QEMU then only knows of a broken connection. */
  failure(): Error | null;
  /** Lets go, at whatever point it is: QEMU sees the connection break. */
  close(): Promise<void>;
}

const listening = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

const isOfFile = (error: Error): boolean => 'syscall' in error && error.syscall === 'write';

/** Writes what one connection sends; the file is closed with it. */
const receive = async (connection: Socket, file: FileHandle): Promise<Error | null> => {
  try {
    await pipeline(connection, file.createWriteStream({ highWaterMark: chunkBytes }));
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

/** The listener goes with this server: killed, it takes the save with it, and the guest runs on. */
export const receivingSink = async (path: string, socketPath: string): Promise<MemorySink> => {
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  let sender: Socket | null = null;
  let failure: Error | null = null;
  let settle: (error: Error | null) => void = () => {};
  const written = new Promise<Error | null>((resolve) => {
    settle = resolve;
  });
  const server = createServer((connection) => {
    sender = connection;
    // One sender, and nobody after it.
    server.close();
    connection.on('data', (chunk) => {
      bytes += chunk.length;
    });
    void receive(connection, file).then((error) => {
      if (error !== null && isOfFile(error)) failure = error;
      settle(error);
    });
  });
  await rm(socketPath, { force: true });
  try {
    await listening(server, socketPath);
  } catch (error) {
    await file.close();
    throw error;
  }
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    if (sender === null) {
      server.close();
      settle(new Error('nobody has sent anything'));
      await file.close();
    } else sender.destroy();
    await written;
    await rm(socketPath, { force: true });
  };
  return {
    uri: `unix:${socketPath}`,
    received: () => Promise.resolve(bytes),
    complete: async () => {
      const error = await written;
      if (error !== null) throw error;
    },
    failure: () => failure,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
};

/** QEMU ≥ 8.2 writes the file itself. It is made before, so that it has our mode and no other's name. */
export const writingSink = async (path: string): Promise<MemorySink> => {
  await (await open(path, 'wx', 0o600)).close();
  return {
    uri: `file:${path}`,
    received: async () => (await stat(path)).size,
    complete: () => Promise.resolve(),
    failure: () => null,
    close: () => Promise.resolve(),
  };
};

/** Sends a file to a QEMU that listens; resolves when all of it was taken, or QEMU has hung up. */
export const feed = async (path: string, socketPath: string): Promise<void> => {
  const socket = connect(socketPath);
  await pipeline(createReadStream(path, { highWaterMark: chunkBytes }), socket);
};

import { mkdir, rm } from 'node:fs/promises';
import type { ChainMember } from '../../block-engine.types.ts';
import {
  adoptExport,
  clearExport,
  type ExportPlan,
  exportPlaces,
  startExport,
} from '../../exports/export-daemon.ts';
import { runLimited } from '../../limited-process.ts';
import { connectNbd, type NbdReader } from '../../nbd-client.ts';
import { inWords } from '../../qemu-errors.ts';
import { absolute, heavy } from '../../qemu-img.ts';
import { untilConnected } from '../../read-content.ts';
import { selectedTag } from '../../tag-content.ts';

/** What an image shows, on a socket in a private folder, as raw: nobody beyond it ever sees a header or a name of a file. */
export interface ServedContent {
  readonly socket: string;
  readonly exportName: string;
  /** Resolves when its process is gone. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

const exportName = 'disk';
const planOf = (id: string, writable: boolean): ExportPlan => ({
  ...{ id, kind: 'nbd', writable, port: null, tls: false, exportName },
});

/** Through its chain (top first), by a storage daemon. */
export const serveChain = async (
  runDir: string,
  id: string,
  chain: readonly ChainMember[],
  writable: boolean,
): Promise<ServedContent> => {
  const plan = planOf(id, writable);
  const { exited, stop } = await startExport(runDir, plan, chain);
  return { socket: exportPlaces(runDir, plan).socket, exportName, exited, stop };
};

/** What the internal snapshot of this number shows: only `qemu-nbd` opens one. It ends with the server. */
export const serveTag = async (
  runDir: string,
  id: string,
  path: string,
  snapshot: string,
): Promise<ServedContent> => {
  const { folder, socket } = exportPlaces(runDir, planOf(id, false));
  await mkdir(folder, { mode: 0o700 });
  const stopping = new AbortController();
  let ended = false;
  const inside = ['--read-only', '--persistent', '--shared', '4', '--load-snapshot', selectedTag(snapshot)];
  const place = ['--export-name', exportName, '--socket', socket, '--format', 'qcow2'];
  const server = inWords(`Reading ${path}`, () =>
    runLimited('qemu-nbd', [...inside, ...place, '--', absolute(path)], heavy, { signal: stopping.signal }),
  );
  const exited = server.then(
    () => {},
    () => {},
  );
  void exited.then(() => {
    ended = true;
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    (await untilConnected(socket, () => ended, exportName)).close();
  } catch (error) {
    const hadEnded = ended;
    await stop();
    // Why it would not open the image says more than that nobody listens.
    if (hadEnded) await server;
    throw error;
  }
  return { socket, exportName, exited, stop };
};

export const readServed = async <Result>(
  { socket, exportName: name }: ServedContent,
  work: (reader: NbdReader) => Promise<Result>,
): Promise<Result> => {
  const reader = await connectNbd(socket, name);
  try {
    return await work(reader);
  } finally {
    reader.close();
  }
};

/** Of a server that was killed. */
export const sweepServed = async (runDir: string, id: string): Promise<void> => {
  const plan = planOf(id, false);
  const left = await adoptExport(runDir, plan);
  await (left === null ? clearExport(runDir, plan) : left.stop());
};

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connectQmp } from '@strata/qmp';
import { AppError } from '../../app-error.ts';
import type { ChainMember } from '../block-engine.types.ts';
import { untilGone } from '../block-engine-daemon.ts';
import { chainOptions, topNodeName } from '../chain-options.ts';
import { inWords } from '../qemu-errors.ts';
import {
  type DaemonFiles,
  daemonFiles,
  endDaemon,
  findOurs,
  type RunningDaemon,
  startDaemon,
  startTimeoutMs,
} from '../storage-daemon.ts';
import { dropMount, fuseRefusal } from './fuse-mount.ts';
import { makeTlsCredentials } from './tls-credentials.ts';

/** How one image is served. All that is needed to find its process, its files and its folder again. */
export interface ExportPlan {
  readonly id: string;
  readonly kind: 'nbd' | 'fuse';
  readonly writable: boolean;
  /** A port of 127.0.0.1; null: a socket in the private folder. */
  readonly port: number | null;
  readonly tls: boolean;
  readonly exportName: string;
}

export interface ExportPlaces {
  /** 0700: everything of this export lies in it. */
  readonly folder: string;
  readonly socket: string;
  readonly mountpoint: string;
  readonly serverKeys: string;
  readonly clientKeys: string;
}

export interface RunningExport {
  /** Resolves when its process is gone. */
  readonly exited: Promise<void>;
  /** Clients are cut off. */
  stop(): Promise<void>;
  /** Leaves it alone: it goes on without the server. */
  leave(): void;
}

/** So many connections at once. */
const mostClients = 16;
export const loopback = '127.0.0.1';

export const exportPlaces = (runDir: string, { id }: ExportPlan): ExportPlaces => {
  const folder = join(runDir, `x-${id}`);
  return {
    folder,
    socket: join(folder, 'nbd.sock'),
    mountpoint: join(folder, 'disk.raw'),
    serverKeys: join(folder, 'server'),
    clientKeys: join(folder, 'client'),
  };
};

const filesOf = (runDir: string, { id }: ExportPlan): DaemonFiles => daemonFiles(runDir, `x-${id}`);

/** A port that nobody has at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, loopback, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const option = (name: string, value: object): string[] => [`--${name}`, JSON.stringify(value)];

const nbdOptions = (plan: ExportPlan, places: ExportPlaces): string[] => {
  const { port, tls, writable, exportName } = plan;
  const addr =
    port === null
      ? { type: 'unix', path: places.socket }
      : { type: 'inet', host: loopback, port: String(port) };
  const keys = { 'qom-type': 'tls-creds-x509', id: 'tls0', dir: places.serverKeys, endpoint: 'server' };
  return [
    // Who connects must prove itself by a certificate of the same authority.
    ...(tls ? option('object', { ...keys, 'verify-peer': true }) : []),
    ...option('nbd-server', {
      addr,
      'max-connections': mostClients,
      ...(tls ? { 'tls-creds': 'tls0' } : {}),
    }),
    ...option('export', { type: 'nbd', id: 'x', 'node-name': topNodeName, name: exportName, writable }),
  ];
};

const fuseOptions = ({ writable }: ExportPlan, { mountpoint }: ExportPlaces): string[] =>
  option('export', { type: 'fuse', id: 'x', 'node-name': topNodeName, mountpoint, writable });

const running = (daemon: RunningDaemon, clean: () => Promise<void>): RunningExport => {
  let left = false;
  return {
    exited: daemon.qmp.closed.then(() => (left ? new Promise<void>(() => {}) : untilGone(daemon))),
    stop: async () => {
      await endDaemon(daemon);
      await clean();
    },
    leave: () => {
      left = true;
      daemon.qmp.close();
    },
  };
};

/** Takes away what a process has left: a mount that leads nowhere, keys, sockets. */
export const clearExport = async (runDir: string, plan: ExportPlan): Promise<void> => {
  const { folder, mountpoint } = exportPlaces(runDir, plan);
  if (plan.kind === 'fuse') await dropMount(mountpoint);
  await rm(folder, { recursive: true, force: true });
};

const portTaken = (error: unknown, port: number | null): unknown =>
  error instanceof AppError && /Address already in use/.test(error.message)
    ? new AppError('port-taken', `Port ${port} of ${loopback} is taken. Choose another one.`)
    : error;

/** Opens the chain (top first) in a process of its own and serves what it reads. */
export const startExport = async (
  runDir: string,
  plan: ExportPlan,
  chain: readonly ChainMember[],
): Promise<RunningExport> => {
  const places = exportPlaces(runDir, plan);
  const doing = `Exporting ${chain[0]?.path ?? 'the image'}`;
  if (plan.kind === 'fuse') {
    const refusal = await fuseRefusal();
    if (refusal !== null) throw new AppError('tool-missing', refusal);
  }
  return inWords(doing, async () => {
    const files = filesOf(runDir, plan);
    const blockdev = await chainOptions(chain, chain.length, !plan.writable);
    try {
      await mkdir(places.folder, { mode: 0o700 });
      if (plan.tls) await makeTlsCredentials(places.serverKeys, places.clientKeys);
      if (plan.kind === 'fuse') await writeFile(places.mountpoint, '', { flag: 'wx', mode: 0o600 });
      const serving = plan.kind === 'nbd' ? nbdOptions(plan, places) : fuseOptions(plan, places);
      return running(await startDaemon(doing, files, blockdev, serving), () => clearExport(runDir, plan));
    } catch (error) {
      await clearExport(runDir, plan);
      throw portTaken(error, plan.port);
    }
  });
};

/** The process of an export of an earlier server; null when that is gone. */
export const adoptExport = (runDir: string, plan: ExportPlan): Promise<RunningExport | null> =>
  inWords('Taking up an export', async () => {
    const identity = await findOurs(filesOf(runDir, plan));
    if (identity === null) return null;
    const qmp = await connectQmp({ path: identity.socket, waitForSocketMs: startTimeoutMs });
    return running({ identity, qmp }, () => clearExport(runDir, plan));
  });

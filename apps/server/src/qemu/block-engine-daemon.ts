import { AppError } from '../app-error.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { chainOfNode, layerAt, slow } from './block-graph.ts';
import { topFileName, topNodeName } from './chain-options.ts';
import { identify, waitForEnd } from './process-identity.ts';
import { inWords } from './qemu-errors.ts';
import { endDaemon, type RunningDaemon } from './storage-daemon.ts';

/** The engine of a chain that no VM runs on: a storage daemon that holds it open. */
export function daemonEngine(daemon: RunningDaemon): BlockEngine {
  const { qmp, identity } = daemon;
  const chain = () => inWords('Reading the chain', () => chainOfNode(qmp, topNodeName));
  return {
    live: false,
    qmp,
    daemon: identity,
    exited: untilGone(daemon),
    chain,
    nodeOf: async (path) => (await layerAt(await chain(), path)).node,
    topNode: () => Promise.resolve(topNodeName),
    flush: (path) => inWords(`Flushing ${path}`, () => flushTop(daemon, path)),
    close: () => endDaemon(daemon),
  };
}

/**
 * A storage daemon has no monitor command that flushes, but reopening a node with the options it has flushes it first, and says
 * so when that fails. Only named nodes can be reopened (`Cannot change the option 'node-name'` for the others), and only the top
 * is named: to pull into a layer, the chain is opened from that layer down.
 */
async function flushTop({ qmp }: RunningDaemon, path: string): Promise<void> {
  const chain = await chainOfNode(qmp, topNodeName);
  const [top, below] = chain;
  if (!top || (await layerAt(chain, path)) !== top)
    throw new AppError(
      'internal-error',
      `${path} is not the top of the chain and cannot be flushed by itself.`,
    );
  const node = { driver: top.format, 'node-name': topNodeName, file: topFileName };
  const options = top.format === 'raw' ? node : { ...node, backing: below?.node ?? null };
  await qmp.execute('blockdev-reopen', { options: [options] }, slow);
}

/** Resolves when the process has ended, however it ended. */
export async function untilGone({ qmp, identity }: RunningDaemon): Promise<void> {
  await qmp.closed;
  for (;;) {
    const process = await identify(identity.pid);
    if (process?.startTime !== identity.startTime || (await waitForEnd(process, 60_000))) return;
  }
}

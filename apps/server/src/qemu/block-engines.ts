import { connectQmp } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { BlockEngines } from './block-engine.types.ts';
import { daemonEngine } from './block-engine-daemon.ts';
import { liveEngine } from './block-engine-live.ts';
import { chainOptions } from './chain-options.ts';
import { inWords } from './qemu-errors.ts';
import { daemonFiles, filesOf, findOurs, isOurs, startDaemon, startTimeoutMs } from './storage-daemon.ts';

/** `runDir` takes the sockets: private (0700), and with a short path. */
export function createBlockEngines({ runDir }: { readonly runDir: string }): BlockEngines {
  return {
    live: liveEngine,

    openDaemon: ({ id, chain, layers }) => {
      const doing = `Opening ${chain[0]?.path ?? 'the chain'}`;
      return inWords(doing, async () => {
        const files = daemonFiles(runDir, id);
        // A second one would take the first one's socket away.
        if (await findOurs(files))
          throw new AppError('operation-running', `A storage daemon of ${id} is still at work.`);
        const options = await chainOptions(chain, layers);
        return daemonEngine(await startDaemon(doing, files, options));
      });
    },

    adoptDaemon: (identity) =>
      inWords('Taking up a storage daemon', async () => {
        // In its place another one may have been started a moment ago, by a server that died before it wrote that down.
        const ours = (await isOurs(identity)) ? identity : await findOurs(filesOf(identity));
        if (ours === null) return null;
        const qmp = await connectQmp({ path: ours.socket, waitForSocketMs: startTimeoutMs });
        return daemonEngine({ identity: ours, qmp });
      }),

    findDaemon: (id) => findOurs(daemonFiles(runDir, id)),
  };
}

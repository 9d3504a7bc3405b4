import { QmpCommandError } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { slow } from './block-graph.ts';
import { abandonJob, jobState, onError, readyJob } from './block-jobs.ts';
import type { JobFollow, MirrorRequest } from './block-jobs.types.ts';
import { nodesInPreparation } from './dropped-nodes.ts';
import { inWords } from './qemu-errors.ts';

/*
 * The active layer's data goes into another file, onto the same backing, while the guest writes on:
 *
 *     base ← active*                     * the VM writes here
 *         ↖─ copy                        from `ready` on, every write goes to both
 *
 * What follows is `pivot`, or `abandonMirror`, which leaves the disk as it was. It is the layer's own clusters that are
 * copied (`sync: top`), also where there is nothing below: with `full`, QEMU would first write zeros over all of the
 * copy, and every one of its clusters would count as held.
 */

/** The copy's node: known again after a restart of the server, and of the names that are closed when nothing uses them. */
const nodeOf = ({ jobId }: Pick<MirrorRequest, 'jobId'>): string => `n-${jobId}`;

const describe = ({ from, to }: MirrorRequest): string => `Copying ${from} to ${to}`;

/** Whether a job of an earlier run is still to be taken up. */
export const isMirroring = async (engine: BlockEngine, jobId: string): Promise<boolean> =>
  (await jobState(engine, jobId)) !== null;

/** Begins, or takes up, the copying. */
export function mirrorUntilReady(
  engine: BlockEngine,
  request: MirrorRequest,
  follow: JobFollow = {},
): Promise<'ready' | 'cancelled'> {
  const node = nodeOf(request);
  const start = async () => {
    nodesInPreparation.add(node);
    try {
      const options = await copyOptions(engine, request, request.discard || request.format === 'raw');
      await engine.qmp.execute('blockdev-add', options, slow);
      await engine.qmp.execute(
        'blockdev-mirror',
        {
          'job-id': request.jobId,
          device: await engine.topNode(),
          target: node,
          sync: 'top',
          speed: request.speed ?? 0,
          'on-source-error': 'report',
          'on-target-error': onError,
          'auto-finalize': true,
          'auto-dismiss': false,
        },
        slow,
      );
    } finally {
      nodesInPreparation.delete(node);
    }
  };
  return readyJob(engine, request.jobId, { doing: describe(request), start, follow });
}

/**
 * The options of the copy are those of the disk. Only a raw copy is opened so that zeros may become holes (the mirror
 * writes the holes of the original as zeros, which would take all of their space): see `settleCopy`.
 */
async function copyOptions(engine: BlockEngine, request: MirrorRequest, unmap: boolean) {
  const { format, to, backing } = request;
  const top = await topOptions(engine);
  const shared = { ...top.shared, discard: unmap ? ('unmap' as const) : ('ignore' as const) };
  const node = nodeOf(request);
  return {
    driver: format,
    'node-name': node,
    ...(format === 'qcow2' && { backing: backing === null ? null : await engine.nodeOf(backing) }),
    ...top.own,
    ...shared,
    // Named, because blockdev-reopen refers to it; defined here, so that it goes when the copy goes.
    file: { driver: 'file', 'node-name': `${node}-f`, filename: to, ...shared },
  };
}

/** How the VM has the layer open; a storage daemon has no device to ask. */
async function topOptions({ live, qmp, topNode }: BlockEngine) {
  if (!live) return { own: {}, shared: {} };
  const name = await topNode();
  const device = (await qmp.execute('query-block')).find(
    ({ inserted }) => inserted?.['node-name'] === name,
  )?.inserted;
  if (!device) throw new AppError('internal-error', `The VM has no disk with the node ${name}.`);
  const { direct, 'no-flush': noFlush } = device.cache;
  return {
    own: { 'detect-zeroes': device.detect_zeroes },
    shared: { cache: { direct, 'no-flush': noFlush } },
  };
}

/**
 * After the pivot: a raw disk that does not pass discards on is opened so again. What fails here only lets the guest's
 * discards free space until its next start.
 */
export async function settleCopy(engine: BlockEngine, request: MirrorRequest): Promise<void> {
  if (!engine.live || request.discard || request.format !== 'raw') return;
  const { file, ...node } = await copyOptions(engine, request, false);
  const options = [file, { ...node, file: file['node-name'] }];
  await engine.qmp.execute('blockdev-reopen', { options }, slow).catch(() => undefined);
}

/** The job is cancelled, and the copy's file closed: it may be removed then. The disk writes on as before. */
export function abandonMirror(engine: BlockEngine, jobId: string): Promise<void> {
  return inWords('Closing the copy', async () => {
    await abandonJob(engine, jobId);
    try {
      await engine.qmp.execute('blockdev-del', { 'node-name': nodeOf({ jobId }) }, slow);
    } catch (error) {
      const wasNeverOpened = error instanceof QmpCommandError && error.desc.includes('Failed to find node');
      if (!wasNeverOpened) throw error;
    }
  });
}

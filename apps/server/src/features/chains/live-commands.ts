import { dirname } from 'node:path';
import type { Layer, LayerId } from '@strata/backing-chain';
import { relativeBacking } from '../../backing-link.ts';

export type NodeName = (id: LayerId) => string;

export const qmp = (execute: string, args?: Record<string, unknown>): string =>
  JSON.stringify(args === undefined ? { execute } : { execute, arguments: args });

export const jobId = 'op';
export const when = (status: string): string => `# when query-jobs says "${status}":`;
const job = { 'job-id': jobId, 'on-error': 'enospc', 'auto-dismiss': false };
export const dismissed = [when('concluded'), qmp('job-dismiss', { id: jobId })];
const flush = (node: string): string =>
  qmp('human-monitor-command', { 'command-line': `qemu-io ${node} flush` });

/**
 * QEMU closes the dropped layers that it has named itself (`#block…`). Those that Strata has named stay open until they
 * are deleted: `d-X` on a file node of its own, `f-X`, and overlays of live snapshots.
 */
export const closed = (dropped: readonly Layer[], node: NodeName): string[] =>
  dropped
    .map((layer) => node(layer.id))
    .filter((name) => !name.startsWith('#'))
    .flatMap((name) => (name.startsWith('d-') ? [name, `f-${name.slice(2)}`] : [name]))
    .map((name) => qmp('blockdev-del', { 'node-name': name }));

/**
 * A stream calls itself done while its tables are only in QEMU's memory, hence the flush before it is finalized.
 */
export const livePull = (
  { into, base, passed }: { into: Layer; base: Layer | null; passed: readonly Layer[] },
  node: NodeName,
): string[] => [
  qmp('block-stream', {
    ...job,
    device: node(into.id),
    ...(base === null
      ? {}
      : {
          'base-node': node(base.id),
          'backing-file': relativeBacking(dirname(into.path), base.path),
        }),
    'auto-finalize': false,
  }),
  when('pending'),
  flush(node(into.id)),
  qmp('job-finalize', { id: jobId }),
  ...dismissed,
  flush(node(into.id)),
  ...closed(passed, node),
];

interface CommitLayers {
  readonly top: Layer;
  readonly base: Layer;
  /** The overlay of `top` in the same chain; null: `top` is the active layer. */
  readonly above: Layer | null;
  /** The layer that the VM writes. */
  readonly active: Layer;
  /** From `top` down to the layer above `base`. */
  readonly merged: readonly Layer[];
}

export const liveCommit = ({ top, base, above, active, merged }: CommitLayers, node: NodeName): string[] =>
  above === null
    ? [
        qmp('block-commit', {
          ...job,
          device: node(top.id),
          'base-node': node(base.id),
          'auto-finalize': true,
        }),
        when('ready'),
        qmp('stop'),
        qmp('job-complete', { id: jobId }),
        ...dismissed,
        qmp('cont'),
        ...closed(merged, node),
      ]
    : [
        qmp('block-commit', {
          ...job,
          device: node(active.id),
          'top-node': node(top.id),
          'base-node': node(base.id),
          'backing-file': relativeBacking(dirname(above.path), base.path),
          'auto-finalize': false,
        }),
        when('pending'),
        qmp('job-finalize', { id: jobId }),
        ...dismissed,
        flush(node(active.id)),
        ...closed(merged, node),
      ];

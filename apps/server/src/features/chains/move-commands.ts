import { dirname } from 'node:path';
import type { ChainPlan, Forest, Layer } from '@strata/backing-chain';
import { relativeBacking } from '../../backing-link.ts';
import { shellWord } from '../../shell-word.ts';
import type { ChainWish } from './chain-wish.ts';
import { closed, dismissed, jobId, type NodeName, qmp, when } from './live-commands.ts';

type MoveWish = Extract<ChainWish, { operation: 'move' }>;

/** The commands a move amounts to. */
export const moveCommands = (forest: Forest, plan: ChainPlan, wish: MoveWish, node: NodeName): string[] => {
  const layer = forest.layers.get(wish.layer);
  if (layer === undefined) throw new Error(`the plan names an unknown layer ${wish.layer}`);
  const backing = layer.backingId === null ? undefined : forest.layers.get(layer.backingId);
  const { from, to } = wish.place.move;
  const linkTo = (below: Layer): string =>
    `-b ${shellWord(relativeBacking(dirname(to), below.path))} -F ${below.format}`;
  if (plan.liveVm !== null)
    return [...mirrorCommands({ layer, backing, to, node }, linkTo), `rm ${shellWord(from)}`];
  const links = plan.relinks.flatMap(({ layer: id }) => {
    const overlay = forest.layers.get(id);
    if (overlay === undefined) return [];
    const name = relativeBacking(dirname(overlay.path), to);
    return [
      `qemu-img rebase -u -f qcow2 -b ${shellWord(name)} -F ${layer.format} ${shellWord(overlay.path)}`,
    ];
  });
  const own =
    backing === undefined || dirname(from) === dirname(to)
      ? []
      : [`qemu-img rebase -u -f qcow2 ${linkTo(backing)} ${shellWord(to)}`];
  const copy = wish.place.move.part === null ? 'ln' : 'cp --sparse=always';
  return [`${copy} ${shellWord(from)} ${shellWord(to)}`, ...own, ...links, `rm ${shellWord(from)}`];
};

interface Mirror {
  readonly layer: Layer;
  readonly backing: Layer | undefined;
  readonly to: string;
  readonly node: NodeName;
}

const mirrorCommands = ({ layer, backing, to, node }: Mirror, linkTo: (below: Layer) => string): string[] => {
  const link = backing === undefined ? '' : `${linkTo(backing)} `;
  return [
    `qemu-img create -f ${layer.format} ${link}${shellWord(to)} ${layer.virtualSize}`,
    qmp('blockdev-add', {
      driver: layer.format,
      'node-name': 'copy',
      file: { driver: 'file', filename: to },
      ...(layer.format === 'raw' ? {} : { backing: backing === undefined ? null : node(backing.id) }),
    }),
    qmp('blockdev-mirror', {
      'job-id': jobId,
      device: node(layer.id),
      target: 'copy',
      sync: 'top',
      'on-target-error': 'enospc',
      'auto-finalize': true,
      'auto-dismiss': false,
    }),
    when('ready'),
    qmp('stop'),
    qmp('job-complete', { id: jobId }),
    ...dismissed,
    qmp('cont'),
    ...closed([layer], node),
  ];
};

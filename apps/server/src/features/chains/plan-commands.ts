import type { ChainPlan, Forest, Layer, LayerId } from '@strata/backing-chain';
import { shellWord } from '../../shell-word.ts';
import type { ChainWish } from './chain-wish.ts';
import { moveCommands } from './move-commands.ts';
import { backingName, qmp } from './qmp-words.ts';

/**
 * The QMP and qemu-img commands an operation amounts to. Node-names are those of the moment; here the layer's
 * file name stands for its node.
 */
export const planCommands = (forest: Forest, plan: ChainPlan, wish: ChainWish): string[] => {
  const layer = (id: LayerId): Layer => {
    const found = forest.layers.get(id);
    if (found === undefined) throw new Error(`the plan names an unknown layer ${id}`);
    return found;
  };
  const node = (id: LayerId): string => `<${layer(id).name}>`;
  if (wish.operation === 'delete-up')
    return [
      ...wish.parts.flatMap(({ into, base }, index) => {
        const part = plan.parts?.[index];
        const pull = { operation: 'pull', into, base, range: [into, wish.layer] } as const;
        return part === undefined ? [] : planCommands(forest, part, pull);
      }),
      `mv ${shellWord(layer(wish.layer).path)} <trash>`,
    ];
  if (wish.operation === 'compact') return compactCommands(layer, wish);
  if (wish.operation === 'rebase') return rebaseCommands(layer, wish);
  if (wish.operation === 'move') return moveCommands(forest, plan, wish);
  const job = { 'job-id': 'op', 'auto-dismiss': false };
  const root = wish.operation === 'pull' ? wish.into : (wish.above ?? wish.top);
  const commands =
    plan.liveVm === null
      ? [
          `qemu-storage-daemon --blockdev ${shellWord(
            JSON.stringify({
              driver: layer(root).format,
              'node-name': node(root),
              file: { driver: 'file', filename: layer(root).path },
            }),
          )}`,
        ]
      : [];

  if (wish.operation === 'pull') {
    const below = wish.base === null ? {} : belowOf(layer(wish.into), layer(wish.base), node(wish.base));
    commands.push(
      qmp('block-stream', { ...job, device: node(wish.into), ...below, 'auto-finalize': false }),
      qmp('blockdev-reopen', { options: [{ 'node-name': node(wish.into) }] }),
      qmp('job-finalize', { id: 'op' }),
    );
    return commands;
  }
  const range = { 'top-node': node(wish.top), 'base-node': node(wish.base) };
  if (wish.above === null) {
    const pivot = [
      ...(plan.liveVm === null ? [] : [qmp('stop', {})]),
      qmp('job-complete', { id: 'op' }),
      ...(plan.liveVm === null
        ? []
        : [qmp('cont', {}), qmp('blockdev-del', { 'node-name': node(wish.top) })]),
    ];
    commands.push(
      qmp('block-commit', { ...job, device: node(wish.top), ...range, 'auto-finalize': true }),
      ...pivot,
    );
  } else
    commands.push(
      qmp('block-commit', {
        ...job,
        device: node(root),
        ...range,
        'backing-file': backingName(layer(wish.above), layer(wish.base)),
        'auto-finalize': false,
      }),
      qmp('job-finalize', { id: 'op' }),
    );
  for (const { layer: overlay, to } of plan.relinks) {
    if (overlay === wish.above || to === null) continue;
    const name = backingName(layer(overlay), layer(to));
    commands.push(
      `qemu-img rebase -u -f qcow2 -b ${shellWord(name)} -F ${layer(to).format} ${shellWord(layer(overlay).path)}`,
    );
  }
  return commands;
};

const belowOf = (into: Layer, base: Layer, node: string) => ({
  'base-node': node,
  'backing-file': backingName(into, base),
});

const compactCommands = (
  layer: (id: LayerId) => Layer,
  { layer: id, backing, method }: Extract<ChainWish, { operation: 'compact' }>,
): string[] => {
  const image = layer(id);
  const file = shellWord(image.path);
  if (method === 'punch') return [`fallocate --dig-holes ${file}`];
  const below = backing === null ? null : layer(backing);
  const link = below === null ? '' : ` -B ${shellWord(backingName(image, below))} -F ${below.format}`;
  const part = shellWord(`${image.path}.part`);
  const cluster = image.clusterSize === undefined ? '' : ` -o cluster_size=${image.clusterSize}`;
  return [
    `qemu-img convert -p -t writeback -f qcow2 -O qcow2${cluster}${link} ${file} ${part}`,
    `qemu-img compare -f qcow2 -F qcow2 ${file} ${part}`,
    `sync ${part}`,
    `mv ${part} ${file}`,
  ];
};

const rebaseCommands = (
  layer: (id: LayerId) => Layer,
  { layer: id, old, backing, relink, compared }: Extract<ChainWish, { operation: 'rebase' }>,
): string[] => {
  const image = layer(id);
  const below = backing === null ? null : layer(backing);
  const link = below === null ? "-b ''" : `-b ${shellWord(backingName(image, below))} -F ${below.format}`;
  const file = shellWord(image.path);
  if (!relink) return [`qemu-img rebase -p -t writethrough -f qcow2 ${link} ${file}`];
  const compare =
    !compared || old === null || below === null
      ? []
      : [
          `qemu-img compare -f ${layer(old).format} -F ${below.format} ${shellWord(layer(old).path)} ${shellWord(below.path)}`,
        ];
  return [...compare, `qemu-img rebase -u -f qcow2 ${link} ${file}`];
};

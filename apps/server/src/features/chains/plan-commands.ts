import { dirname } from 'node:path';
import type { ChainPlan, Forest, Layer, LayerId } from '@strata/backing-chain';
import { relativeBacking } from '../../backing-link.ts';
import { shellWord } from '../../shell-word.ts';
import type { ChainWish } from './chain-wish.ts';
import { liveCommit, livePull, type NodeName } from './live-commands.ts';
import { moveCommands } from './move-commands.ts';

/** The node-names of the moment in the QEMU of a running VM, by the path of the layer. */
export type OpenNodes = (liveVm: NonNullable<ChainPlan['liveVm']>) => ReadonlyMap<string, string>;

/** QEMU has no driver for an ISO: it is raw. */
const driverOf = (format: string): string => (format === 'iso' ? 'raw' : format);

const linkOption = (overlay: Layer, backing: Layer | null): string =>
  backing === null
    ? "-b ''"
    : `-b ${shellWord(relativeBacking(dirname(overlay.path), backing.path))} -F ${driverOf(backing.format)}`;

const relink = (overlay: Layer, backing: Layer | null): string =>
  `qemu-img rebase -u -f qcow2 ${linkOption(overlay, backing)} ${shellWord(overlay.path)}`;

/** A safe rebase copies what the layer would lose; its default cache mode would not survive a crash. */
const copyingRebase = (overlay: Layer, backing: Layer | null): string =>
  `qemu-img rebase -p -t writethrough -f qcow2 ${linkOption(overlay, backing)} ${shellWord(overlay.path)}`;

/** A name on a line of its own, in the words of a comment. */
const comment = (words: string): string => `# ${words.replace(/\p{Cc}+/gu, ' ')}`;

/**
 * What a person would type to get the same result. Of a running VM: the QMP commands that it gets, with the node-names
 * it has at this moment, and what has to be waited for between them. Otherwise the `qemu-img` commands for a shell;
 * Strata lets a storage daemon run the block jobs of the same names, which can be paused, limited and taken up again.
 */
export const planCommands = (
  forest: Forest,
  plan: ChainPlan,
  wish: ChainWish,
  nodesOf: OpenNodes,
): string[] => {
  const layer = (id: LayerId): Layer => {
    const found = forest.layers.get(id);
    if (found === undefined) throw new Error(`the plan names an unknown layer ${id}`);
    return found;
  };
  const below = (id: LayerId | null): Layer | null => (id === null ? null : layer(id));
  const trashed = (ids: readonly LayerId[]): string[] =>
    ids.map((id) => comment(`${layer(id).path} goes to the trash`));
  const nodes: NodeName = (id) =>
    (plan.liveVm === null ? undefined : nodesOf(plan.liveVm).get(layer(id).path)) ?? `<${layer(id).name}>`;

  switch (wish.operation) {
    case 'delete-up':
      return [
        ...wish.parts.flatMap(({ into, base }, index) => {
          const part = plan.parts?.[index];
          const pull = { operation: 'pull', into, base, range: [into, wish.layer] } as const;
          return part === undefined ? [] : planCommands(forest, part, pull, nodesOf);
        }),
        ...trashed([wish.layer]),
      ];
    case 'compact':
      return compactCommands(layer(wish.layer), below(wish.backing), wish.method);
    case 'move':
      return moveCommands(forest, plan, wish, nodes);
    case 'rebase':
      return rebaseCommands(layer(wish.layer), below(wish.old), below(wish.backing), wish);
    case 'pull': {
      const [into, base] = [layer(wish.into), below(wish.base)];
      const passed = wish.range.slice(1).map(layer);
      const pull =
        plan.liveVm === null ? [copyingRebase(into, base)] : livePull({ into, base, passed }, nodes);
      return [...pull, ...trashed(plan.deletes)];
    }
    case 'commit': {
      const [top, base, above] = [layer(wish.top), layer(wish.base), below(wish.above)];
      const merged = wish.range.slice(0, -1).map(layer);
      const writes = forest.disks.find(
        ({ vmId, diskId }) => vmId === plan.liveVm?.vmId && diskId === plan.liveVm.diskId,
      );
      const active = layer(writes?.imageId ?? wish.top);
      const offline = `qemu-img commit -p -f ${driverOf(top.format)} -d -b ${shellWord(base.path)} ${shellWord(top.path)}`;
      const relinked = plan.relinks
        .filter((link) => link.to !== null && !(plan.liveVm !== null && link.layer === wish.above))
        .map((link) => relink(layer(link.layer), below(link.to)));
      const switched = plan.switches.map(({ vmId, diskId }) => {
        const disk = forest.disks.find((use) => use.vmId === vmId && use.diskId === diskId);
        return comment(`the disk of the VM ${disk?.vmName ?? vmId} continues on ${base.path}`);
      });
      return [
        ...(plan.liveVm === null ? [offline] : liveCommit({ top, base, above, active, merged }, nodes)),
        ...relinked,
        ...(plan.liveVm === null ? switched : []),
        `rm ${plan.deletes.map((id) => shellWord(layer(id).path)).join(' ')}`,
      ];
    }
  }
};

const compactCommands = (image: Layer, backing: Layer | null, method: 'punch' | 'rewrite'): string[] => {
  const file = shellWord(image.path);
  if (method === 'punch') return [`fallocate --dig-holes ${file}`];
  const link =
    backing === null
      ? ''
      : ` -B ${shellWord(relativeBacking(dirname(image.path), backing.path))} -F ${driverOf(backing.format)}`;
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
  image: Layer,
  old: Layer | null,
  backing: Layer | null,
  wish: { readonly relink: boolean; readonly compared: boolean },
): string[] => {
  if (!wish.relink) return [copyingRebase(image, backing)];
  const compare =
    !wish.compared || old === null || backing === null
      ? []
      : [
          `qemu-img compare -f ${driverOf(old.format)} -F ${driverOf(backing.format)} ${shellWord(old.path)} ${shellWord(backing.path)}`,
        ];
  return [...compare, relink(image, backing)];
};

import { useComputedColorScheme } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCircleFilled,
  IconDeviceDesktop,
  IconDiamondFilled,
  IconFileUnknown,
  IconLoader,
} from '@tabler/icons-react';
import type { Node, NodeProps } from '@xyflow/react';
import { createContext, type ReactNode, use } from 'react';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { StateDot } from '../../ui/state-dot.tsx';
import { colourOf } from '../layers/layer-colours.ts';
import classes from './forest.module.css';
import type { GroveTitle } from './forest-layout.ts';
import type { ForestPicture } from './forest-paint.ts';
import { describe, isTroubled } from './forest-text.ts';
import type { ForestNode, ForestSubject } from './forest-tree.ts';

/** What changes more often than the nodes do. */
export const PictureContext = createContext<ForestPicture | null>(null);

export type DrawnNode = Node<{ node: ForestNode }, 'image' | 'vm' | 'gap'>;
export type DrawnTitle = Node<{ title: GroveTitle }, 'title'>;

type Subject<K extends ForestSubject['kind']> = Extract<ForestSubject, { kind: K }>;

function NodeFrame({ node, children }: { node: ForestNode; children: ReactNode }) {
  const picture = use(PictureContext);
  const scheme = useComputedColorScheme('dark');
  const isImage = node.subject.kind === 'image';
  return (
    <div
      className={classes.node}
      data-node={node.id}
      data-kind={node.subject.kind}
      data-current={picture?.current === node.id || undefined}
      data-faded={picture?.found?.has(node.id) === false || undefined}
      data-found={picture?.found?.has(node.id) || undefined}
      data-troubled={isTroubled(node) || undefined}
      data-orphan={(isImage && isUnused(node)) || undefined}
      title={describe(node)}
      style={isImage && picture ? { '--earth': colourOf(picture.colours, node.id, scheme) } : {}}
    >
      {children}
    </div>
  );
}

const isUnused = ({ subject, children }: ForestNode) =>
  subject.kind === 'image' && children.length === 0 && subject.image.usedBy.length === 0;

function ImageNode({ data: { node } }: NodeProps<DrawnNode>) {
  const { image } = node.subject as Subject<'image'>;
  return (
    <NodeFrame node={node}>
      <span className={classes.name}>
        {isTroubled(node) ? <IconAlertTriangle size={15} className={classes.trouble} /> : null}
        <span className={classes.nameText}>{node.name}</span>
      </span>
      <span className={classes.facts}>
        <span className={classes.factsText}>
          {image.format} · {formatBytes(image.allocatedSize)}
          {isUnused(node) ? ` · ${words.forest.unused}` : ''}
          {inMedia(node)}
        </span>
        <Marks node={node} />
      </span>
    </NodeFrame>
  );
}

/** VMs that hold an image as a medium are no tips of it: one ISO would stand under all of them. */
function inMedia({ subject, children }: ForestNode): string {
  if (subject.kind !== 'image') return '';
  const tips = new Set(
    children.flatMap((child) => (child.subject.kind === 'vm' ? [child.subject.vm.id] : [])),
  );
  const vms = subject.image.usedBy.filter(({ kind, id }) => kind === 'vm' && !tips.has(id));
  return vms.length === 0 ? '' : ` · ${words.forest.mediaCount(vms.length)}`;
}

function Marks({ node }: { node: ForestNode }) {
  const { image } = node.subject as Subject<'image'>;
  const snapshots = image.usedBy.filter(({ kind }) => kind === 'snapshot').length;
  const internal = image.internalSnapshots.length;
  const busy = image.usedBy.some(({ kind }) => kind === 'operation');
  return (
    <span className={classes.marks}>
      {busy ? <IconLoader size={13} /> : null}
      {snapshots > 0 ? (
        <>
          <IconCircleFilled size={9} /> {snapshots}
        </>
      ) : null}
      {internal > 0 ? (
        <>
          <IconDiamondFilled size={12} /> {internal}
        </>
      ) : null}
    </span>
  );
}

function VmNode({ data: { node } }: NodeProps<DrawnNode>) {
  const { vm, disk } = node.subject as Subject<'vm'>;
  const disks = vm.disks.length;
  return (
    <NodeFrame node={node}>
      <span className={classes.name}>
        <IconDeviceDesktop size={15} className={classes.vmIcon} />
        <span className={classes.nameText}>{node.name}</span>
      </span>
      <span className={classes.facts}>
        <StateDot state={vm.state} decorative /> {words.vms.states[vm.state]}
        {disks > 1 ? ` · ${words.forest.disk(disk, disks)}` : ''}
      </span>
    </NodeFrame>
  );
}

function GapNode({ data: { node } }: NodeProps<DrawnNode>) {
  const { state } = node.subject as Subject<'gap'>;
  return (
    <NodeFrame node={node}>
      <span className={classes.name}>
        <IconFileUnknown size={15} className={classes.trouble} />
        <span className={classes.nameText}>{node.name}</span>
      </span>
      <span className={classes.facts}>
        <span className={classes.factsText}>{words.forest.gaps[state]}</span>
      </span>
    </NodeFrame>
  );
}

function TitleNode({ data: { title } }: NodeProps<DrawnTitle>) {
  return <span className={classes.groveTitle}>{words.forest.groves[title.grove](title.count)}</span>;
}

export const nodeTypes = { image: ImageNode, vm: VmNode, gap: GapNode, title: TitleNode };

import { formatBytes } from '../../lib/format.ts';
import { strangeTags } from '../../lib/internal-name.ts';
import { words } from '../../lib/words.ts';
import { hasProblem, problemsOf } from '../library/image-list.ts';
import type { ForestNode } from './forest-tree.ts';

/** What is counted: images, as the table counts them. A gap is the problem of the image above it. */
export const countsAsProblem = ({ subject }: Pick<ForestNode, 'subject'>): boolean =>
  subject.kind === 'image' && hasProblem(subject.image);

/** Drawn as what is wrong. */
export const isTroubled = (node: ForestNode): boolean => node.subject.kind === 'gap' || countsAsProblem(node);

/** All that the drawing says of a node, in words. */
export function describe({ name, subject, children }: ForestNode): string {
  const { forest, library, vms } = words;
  if (subject.kind === 'gap') return `${name}: ${forest.gaps[subject.state]}`;
  if (subject.kind === 'vm') {
    const { vm, disk } = subject;
    return `${forest.vm(name, disk, vm.disks.length)}, ${vms.states[vm.state]}`;
  }
  const { image } = subject;
  const snapshots = image.usedBy.filter(({ kind }) => kind === 'snapshot');
  const overlays = children.filter((child) => child.subject.kind === 'image').length;
  return [
    name,
    image.format,
    formatBytes(image.allocatedSize),
    library.roles[image.role],
    overlays > 0 ? forest.overlays(overlays) : null,
    ...snapshots.map((snapshot) => forest.snapshot(snapshot.name)),
    ...strangeTags(image).map(({ tag }) => forest.internalSnapshot(tag)),
    ...(image.present ? [] : [library.gone]),
    ...problemsOf(image).map(({ message }) => forest.problem(message)),
  ]
    .filter((part) => part !== null)
    .join(', ');
}

import type { Image, Vm } from '@strata/contract';

/** What a node of the drawing stands for. `gap` is what an image's header names and the library does not have. */
export type ForestSubject =
  | { readonly kind: 'image'; readonly image: Image }
  | { readonly kind: 'vm'; readonly vm: Vm; readonly diskId: string; readonly disk: number }
  | { readonly kind: 'gap'; readonly path: string; readonly state: 'missing' | 'foreign' | 'cycle' };

/** A node with what stands on it, left to right. */
export interface ForestNode {
  readonly id: string;
  readonly name: string;
  readonly subject: ForestSubject;
  readonly parentId: string | null;
  readonly children: readonly ForestNode[];
  /** 0 for what stands on the ground. */
  readonly level: number;
}

/** Trees by what they are for: chains and what VMs use; media; what nothing uses, apart. */
export interface ForestTrees {
  readonly chains: readonly ForestNode[];
  readonly media: readonly ForestNode[];
  readonly strays: readonly ForestNode[];
}

interface Draft {
  readonly id: string;
  readonly name: string;
  readonly subject: ForestSubject;
  parentId: string | null;
  readonly children: Draft[];
}

/**
 * The library as trees, each image once: on its backing, or on a gap where its backing should be. VMs are the
 * tips of their disks, once a disk, so that a VM of two disks never ties two trees together.
 */
export function growTrees(images: readonly Image[], vms: readonly Vm[]): ForestTrees {
  const drafts = new Map<string, Draft>(images.map((image) => [image.id, draftOf(image)]));
  for (const image of images) plant(image, drafts);
  for (const vm of vms) addTips(vm, drafts);
  const roots = [...drafts.values()].filter(({ parentId }) => parentId === null).sort(inOrder);
  const trees = { chains: [], media: [], strays: [] } as Record<keyof ForestTrees, ForestNode[]>;
  for (const root of roots) trees[groveOf(root)].push(freeze(root));
  return trees;
}

const draftOf = (image: Image): Draft => ({
  id: image.id,
  name: image.name,
  subject: { kind: 'image', image },
  parentId: null,
  children: [],
});

function plant(image: Image, drafts: Map<string, Draft>): void {
  const draft = drafts.get(image.id);
  if (draft === undefined || image.backing === undefined) return;
  const backing = drafts.get(image.backingId ?? '');
  const { path, state } = image.backing;
  const loops = backing !== undefined && standsOn(backing, draft, drafts);
  const below = backing === undefined || loops ? gapOf(path, loops ? 'cycle' : state, drafts) : backing;
  draft.parentId = below.id;
  below.children.push(draft);
}

/** Whether `other` is already below `draft`: putting it on top as well would close a cycle. */
function standsOn(draft: Draft, other: Draft, drafts: ReadonlyMap<string, Draft>): boolean {
  for (let at: Draft | undefined = draft; at !== undefined; at = drafts.get(at.parentId ?? ''))
    if (at === other) return true;
  return false;
}

/** One gap a path: what several images miss together is one thing to mend. */
function gapOf(path: string, state: string, drafts: Map<string, Draft>): Draft {
  const kind = state === 'cycle' || state === 'foreign' ? state : 'missing';
  const id = `gap:${kind}:${path}`;
  const known = drafts.get(id);
  if (known !== undefined) return known;
  const name = path.slice(path.lastIndexOf('/') + 1) || path;
  const gap: Draft = { id, name, subject: { kind: 'gap', path, state: kind }, parentId: null, children: [] };
  drafts.set(id, gap);
  return gap;
}

function addTips(vm: Vm, drafts: Map<string, Draft>): void {
  for (const [index, { id: diskId, imageId }] of vm.disks.entries()) {
    const image = drafts.get(imageId);
    if (image === undefined) continue;
    const id = `vm:${vm.id}:${diskId}`;
    const subject = { kind: 'vm', vm, diskId, disk: index + 1 } as const;
    image.children.push({ id, name: vm.name, subject, parentId: imageId, children: [] });
  }
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
/** By name and, that being equal, by id: the same library is always the same picture. */
const inOrder = (a: Draft, b: Draft) => collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);

function groveOf({ subject, children }: Draft): keyof ForestTrees {
  if (children.length > 0 || subject.kind !== 'image') return 'chains';
  const { image } = subject;
  if (image.role === 'media' || image.format === 'iso') return 'media';
  return image.usedBy.length === 0 ? 'strays' : 'chains';
}

/** Without recursion: a chain may be deeper than the stack. */
function freeze(root: Draft): ForestNode {
  const levels = new Map<Draft, number>([[root, 0]]);
  for (const [draft, level] of levels) for (const child of draft.children) levels.set(child, level + 1);
  const frozen = new Map<string, ForestNode>();
  for (const [draft, level] of [...levels].reverse()) {
    const children = draft.children.sort(inOrder).flatMap(({ id }) => frozen.get(id) ?? []);
    const { id, name, subject, parentId } = draft;
    frozen.set(id, { id, name, subject, parentId, children, level });
  }
  return frozen.get(root.id) as ForestNode;
}

/** Every node below `roots`, the roots first. */
export function* nodesOf(roots: readonly ForestNode[]): Generator<ForestNode> {
  const waiting = [...roots].reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child !== undefined) waiting.push(child);
    }
  }
}

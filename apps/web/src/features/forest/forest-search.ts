import type { ForestNode } from './forest-tree.ts';

/** The nodes whose own name, path, format or snapshots have all words of the search; null when nothing is sought. */
export function findNodes(nodes: Iterable<ForestNode>, search: string): readonly string[] | null {
  const wanted = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return null;
  const found: string[] = [];
  for (const node of nodes) {
    const text = textOf(node).toLowerCase();
    if (wanted.every((word) => text.includes(word))) found.push(node.id);
  }
  return found;
}

function textOf({ name, subject }: ForestNode): string {
  if (subject.kind === 'gap') return subject.path;
  if (subject.kind === 'vm') return name;
  const { image } = subject;
  const snapshots = image.usedBy.filter(({ kind }) => kind === 'snapshot').map((use) => use.name);
  const internal = image.internalSnapshots.map(({ tag }) => tag);
  return [name, image.path, image.format, ...snapshots, ...internal].join('\n');
}

/** The one after `current` (or before it) among those found, round and round. */
export function nextOf(found: readonly string[], current: string | null, direction: -1 | 1): string | null {
  if (found.length === 0) return null;
  const at = found.indexOf(current ?? '');
  if (at === -1) return (direction === 1 ? found[0] : found.at(-1)) ?? null;
  return found[(at + direction + found.length) % found.length] ?? null;
}

import type { Blocker } from '@strata/contract';

/** What lifts a blocker, as far as a button can. */
export interface Remedy {
  readonly kind: 'shut-down' | 'snapshot' | 'vm' | 'media' | 'operation' | 'trash' | 'image' | 'folders';
  /** The thing it is about; null: there is only one place to go. */
  readonly id: string | null;
  readonly name: string;
}

const runs: ReadonlySet<string> = new Set(['held-by-running-vm', 'written-by-running-vm', 'vm-running']);
const writes: ReadonlySet<string> = new Set(['disk-stands', 'backing-is-active']);
const mediums: ReadonlySet<string> = new Set(['media-holds', 'media-stands']);
const trash: ReadonlySet<string> = new Set(['trash-stands', 'held-by-trash']);

/** The way to lift each blocker, each way once; empty where nothing but what its words say helps. */
export function remediesOf(blockers: readonly Blocker[]): Remedy[] {
  const remedies = new Map<string, Remedy>();
  for (const remedy of blockers.flatMap(remediesOfOne)) remedies.set(`${remedy.kind} ${remedy.id}`, remedy);
  return [...remedies.values()];
}

function remediesOfOne({ code, subjects }: Blocker): Remedy[] {
  if (trash.has(code)) return [{ kind: 'trash', id: null, name: '' }];
  if (code === 'forest-incomplete' || code === 'library-incomplete')
    return [{ kind: 'folders', id: null, name: '' }];
  return subjects.flatMap(({ kind, id, name }): Remedy[] => {
    if (kind === 'operation') return [{ kind: 'operation', id, name }];
    if (kind === 'image') return [{ kind: 'image', id, name }];
    if (kind !== 'vm') return [];
    if (runs.has(code)) return [{ kind: 'shut-down', id, name }];
    if (mediums.has(code)) return [{ kind: 'media', id, name }];
    return [{ kind: writes.has(code) ? 'snapshot' : 'vm', id, name }];
  });
}

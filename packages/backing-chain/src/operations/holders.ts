import { chainIds, type DiskUse, type Forest, type LayerId, withDescendants } from '../forest.ts';
import type { Blocker, ChainPlan, Subject } from '../plan.ts';
import { exportSubject, internalName } from '../stands.ts';

/**
 * What an operation does to files, as far as locks and sleeping readers are concerned. These blockers say
 * "not now"; the content rules are each operation's own.
 */
export interface Touch {
  /** The layer whose chain is opened by the job; all below it is read. */
  readonly root: LayerId;
  /** Layers that are written, or unlinked. */
  readonly written: ReadonlySet<LayerId>;
  /** Layers whose header is rewritten beside the job. */
  readonly relinked: readonly LayerId[];
}

const vmSubject = (use: { vmId: string; vmName: string }): Subject => ({
  kind: 'vm',
  id: use.vmId,
  name: use.vmName,
});

const holds = (forest: Forest, imageId: LayerId, touched: ReadonlySet<LayerId>): boolean =>
  chainIds(forest, imageId).some((layer) => touched.has(layer));

const touchedOf = (touch: Touch): ReadonlySet<LayerId> => new Set([...touch.written, ...touch.relinked]);

const runningHolders = (forest: Forest, touch: Touch): readonly DiskUse[] =>
  forest.disks.filter((disk) => disk.running && holds(forest, disk.imageId, touchedOf(touch)));

/** The running VM that does it itself, because its QEMU holds the layers open and locked. */
export function liveVmOf(forest: Forest, touch: Touch): ChainPlan['liveVm'] {
  const [disk] = runningHolders(forest, touch).filter((use) =>
    chainIds(forest, use.imageId).includes(touch.root),
  );
  return disk === undefined ? null : { vmId: disk.vmId, vmName: disk.vmName, diskId: disk.diskId };
}

/**
 *  - Two running disks (of two VMs, or of one) hold a layer that is written: QEMU locks each file per open, so the
 *    job of one cannot write what the other has open, and its pivot cannot close it there.
 *  - A running VM writes a layer that the job reads: what is copied would have no moment.
 */
export function runningBlockers(forest: Forest, touch: Touch): readonly Blocker[] {
  const blockers: Blocker[] = [];
  const holders = runningHolders(forest, touch);
  const live = liveVmOf(forest, touch);
  const others = holders.filter((disk) => disk.vmId !== live?.vmId || disk.diskId !== live.diskId);
  for (const other of others)
    blockers.push({
      code: 'held-by-running-vm',
      message:
        other.vmId === live?.vmId
          ? `Another disk of the running VM “${other.vmName}” holds the same layers open. Shut it down first.`
          : `The running VM “${other.vmName}” holds these layers open. Shut it down first.`,
      subjects: [vmSubject(other)],
    });
  const read = new Set(chainIds(forest, touch.root).slice(1));
  for (const disk of forest.disks) {
    if (!disk.running || !read.has(disk.imageId) || others.includes(disk)) continue;
    blockers.push({
      code: 'written-by-running-vm',
      message: `The running VM “${disk.vmName}” writes “${nameOf(forest, disk.imageId)}”, which would be read. Shut it down first.`,
      subjects: [vmSubject(disk)],
    });
  }
  return blockers;
}

/**
 * For work that no QEMU which has the layer open can do or notice: nothing that runs may hold it, and nobody may write
 * what is read. `because` goes on from "holds it open".
 */
export function offlineBlockers(
  forest: Forest,
  layer: LayerId,
  reads: readonly LayerId[],
  because: string,
): readonly Blocker[] {
  const running = forest.disks.filter((disk) => disk.running);
  const held = running.filter((disk) => chainIds(forest, disk.imageId).includes(layer));
  const written = running.filter((disk) => reads.includes(disk.imageId) && !held.includes(disk));
  return [
    ...held.map((disk) => ({
      code: 'held-by-running-vm',
      message: `The running VM “${disk.vmName}” holds “${nameOf(forest, layer)}” open, ${because}. Shut it down first.`,
      subjects: [vmSubject(disk)],
    })),
    ...written.map((disk) => ({
      code: 'written-by-running-vm',
      message: `The running VM “${disk.vmName}” writes “${nameOf(forest, disk.imageId)}”, which would be read. Shut it down first.`,
      subjects: [vmSubject(disk)],
    })),
  ];
}

/** The internal snapshots of a layer, which `consequence` speaks of. */
export function tagBlockers(forest: Forest, id: LayerId, consequence: string): readonly Blocker[] {
  const layer = forest.layers.get(id);
  const names = layer?.internalSnapshots.map(({ tag }) => `“${internalName(forest, id, tag)}”`) ?? [];
  if (layer === undefined || names.length === 0) return [];
  return [
    {
      code: 'internal-snapshots',
      message: `“${layer.name}” holds internal snapshots (${names.join(', ')}) ${consequence}`,
      subjects: [{ kind: 'image', id, name: layer.name }],
    },
  ];
}

/** A saved memory state waits for exactly these bytes; its files stay untouched even where the bytes would stay the same. */
export function suspendedBlockers(forest: Forest, touch: Touch): readonly Blocker[] {
  return forest.disks
    .filter((disk) => disk.suspended && holds(forest, disk.imageId, touchedOf(touch)))
    .map((disk) => ({
      code: 'vm-suspended',
      message: `The VM “${disk.vmName}” is suspended on these layers. Resume it and shut it down, or discard its saved state, first.`,
      subjects: [vmSubject(disk)],
    }));
}

/**
 * A medium whose chain holds a layer that is written. Which VM has it open is not known here (a VM that runs
 * without disks), so it always waits for the medium to be ejected.
 */
function mediaBlockers(forest: Forest, touch: Touch, except: ReadonlySet<LayerId>): readonly Blocker[] {
  return forest.media
    .filter((use) => !except.has(use.imageId) && holds(forest, use.imageId, touchedOf(touch)))
    .map((use) => ({
      code: 'media-holds',
      message: `“${nameOf(forest, use.imageId)}” is inserted in “${use.slot}” of the VM “${use.vmName}”. Eject it first.`,
      subjects: [vmSubject(use)],
    }));
}

/** Exports through which others read a layer that would be written or removed, or write one that would be read. */
function exportBlockers(forest: Forest, touch: Touch): readonly Blocker[] {
  const read = new Set(chainIds(forest, touch.root));
  return forest.exports
    .filter((use) => holds(forest, use.imageId, touchedOf(touch)) || (use.writes && read.has(use.imageId)))
    .map((use) => ({
      code: 'export-holds',
      message:
        use.kind === 'inside'
          ? `“${nameOf(forest, use.imageId)}” is being looked into, which has these layers open. Close that first.`
          : `The export “${use.name}” serves “${nameOf(forest, use.imageId)}” and has these layers open. Stop it first.`,
      subjects: [exportSubject(use)],
    }));
}

/** Drives and exports, which read a chain without being a disk of a VM; drives with one of `except` are told elsewhere. */
export const readerBlockers = (
  forest: Forest,
  touch: Touch,
  except: ReadonlySet<LayerId> = new Set(),
): readonly Blocker[] => [...mediaBlockers(forest, touch, except), ...exportBlockers(forest, touch)];

/**
 * An unfinished operation that changes a layer which is written, relinked or read (it lies below) or whose job has ours
 * open (it stands above), and one that reads what this changes. Two that only read a layer do so side by side.
 */
export function operationBlockers(forest: Forest, touch: Touch): readonly Blocker[] {
  if (forest.operations.length === 0) return [];
  const changed = new Set(
    [...touchedOf(touch)].flatMap((id) => withDescendants(forest, id).map((layer) => layer.id)),
  );
  const near = new Set([...chainIds(forest, touch.root), ...changed]);
  const blockers = new Map<string, Blocker>();
  for (const use of forest.operations)
    if ((use.changes ? near : changed).has(use.imageId) && !blockers.has(use.operationId))
      blockers.set(use.operationId, {
        code: 'operation-unfinished',
        message: `The operation “${use.title}” works on “${nameOf(forest, use.imageId)}”. Wait for its end, or cancel it, first.`,
        subjects: [{ kind: 'operation', id: use.operationId, name: use.title }],
      });
  return [...blockers.values()];
}

export function incompleteBlockers(forest: Forest, consequence: string): readonly Blocker[] {
  if (forest.complete) return [];
  return [
    {
      code: 'forest-incomplete',
      message: `A folder of the library could not be read, so nobody knows what stands on these layers; ${consequence} Make the folder readable, or remove it from the library, first.`,
      subjects: [],
    },
  ];
}

export function writableBlockers(forest: Forest, ids: readonly LayerId[]): readonly Blocker[] {
  const blockers: Blocker[] = [];
  for (const id of ids) {
    const layer = forest.layers.get(id);
    if (layer === undefined || layer.writable) continue;
    blockers.push({
      code: 'not-writable',
      message: `“${layer.name}” cannot be written: its permissions or its format forbid it. Change the permissions of ${layer.path} first.`,
      subjects: [{ kind: 'image', id, name: layer.name }],
    });
  }
  return blockers;
}

export const nameOf = (forest: Forest, id: LayerId): string => forest.layers.get(id)?.name ?? id;

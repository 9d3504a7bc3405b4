import { type ExportUse, type Forest, type LayerId, overlaysOf } from './forest.ts';
import type { Subject } from './plan.ts';

/** Something that needs a layer to read as it does. */
export interface Standing {
  readonly kind:
    | 'overlay'
    | 'disk'
    | 'media'
    | 'snapshot'
    | 'internal-snapshot'
    | 'operation'
    | 'export'
    | 'trash';
  readonly subject: Subject;
  /** A whole sentence for a person. */
  readonly words: string;
}

/**
 * Everything that stands on a layer: overlays, disks, media, snapshots, tags inside the file (those of a VM's
 * snapshots and those of nobody), unfinished operations, exports, deleted images that may be restored. Empty: the file may go.
 * A tag does not need the layer to stay as it is: qcow2 copies its clusters on write.
 */
export function standsOn(forest: Forest, id: LayerId): readonly Standing[] {
  const overlays = overlaysOf(forest, id).map(
    (overlay): Standing => ({
      kind: 'overlay',
      subject: { kind: 'image', id: overlay.id, name: overlay.name },
      words: `The overlay “${overlay.name}” stands on it.`,
    }),
  );
  const disks = forest.disks
    .filter((disk) => disk.imageId === id)
    .map(
      (disk): Standing => ({
        kind: 'disk',
        subject: { kind: 'vm', id: disk.vmId, name: disk.vmName },
        words: `It is the active layer of a disk of the VM “${disk.vmName}”.`,
      }),
    );
  const media = forest.media
    .filter((medium) => medium.imageId === id)
    .map(
      (medium): Standing => ({
        kind: 'media',
        subject: { kind: 'vm', id: medium.vmId, name: medium.vmName },
        words: `It is inserted in “${medium.slot}” of the VM “${medium.vmName}”.`,
      }),
    );
  const shown = forest.snapshots.filter((snapshot) => snapshot.imageId === id);
  const snapshots = shown
    .filter(({ internalTag }) => internalTag === undefined)
    .map(
      (snapshot): Standing => ({
        kind: 'snapshot',
        subject: { kind: 'snapshot', id: snapshot.snapshotId, name: snapshot.name },
        words: `The snapshot “${snapshot.name}” of the VM “${snapshot.vmName}” shows it.`,
      }),
    );
  const claimed = shown
    .filter(({ internalTag }) => internalTag !== undefined)
    .map(
      (snapshot): Standing => ({
        kind: 'internal-snapshot',
        subject: { kind: 'snapshot', id: snapshot.snapshotId, name: snapshot.name },
        words: `It holds the internal snapshot “${snapshot.name}” of the VM “${snapshot.vmName}”.`,
      }),
    );
  const tags = unclaimedTags(forest, id).map(
    (tag): Standing => ({
      kind: 'internal-snapshot',
      subject: { kind: 'snapshot', id: internalSnapshotId(id, tag), name: tag },
      words: `It holds the internal snapshot “${tag}”.`,
    }),
  );
  const operations = forest.operations
    .filter((operation) => operation.imageId === id)
    .map(
      (operation): Standing => ({
        kind: 'operation',
        subject: { kind: 'operation', id: operation.operationId, name: operation.title },
        words: `The operation “${operation.title}” works on it.`,
      }),
    );
  const exports = forest.exports
    .filter((use) => use.imageId === id)
    .map(
      (use): Standing => ({
        kind: 'export',
        subject: exportSubject(use),
        words: use.kind === 'inside' ? 'It is being looked into.' : `The export “${use.name}” serves it.`,
      }),
    );
  const trashed = forest.trashed
    .filter((use) => use.imageId === id)
    .map(
      (use): Standing => ({
        kind: 'trash',
        subject: { kind: 'image', id: use.trashId, name: use.name },
        words: `“${use.name}”, which is in the trash, stands on it.`,
      }),
    );
  return [
    ...overlays,
    ...disks,
    ...media,
    ...snapshots,
    ...claimed,
    ...tags,
    ...operations,
    ...exports,
    ...trashed,
  ];
}

export const exportSubject = ({ exportId, kind = 'export', name }: ExportUse): Subject => ({
  kind,
  id: exportId,
  name,
});

/** The id by which a plan names an internal snapshot that is no snapshot of a VM of Strata. */
export const internalSnapshotId = (layer: LayerId, tag: string): string => `${layer}:${tag}`;

/** What an internal snapshot is called: as the snapshot of the VM that claims its tag; otherwise the tag is its name. */
export const internalName = (forest: Forest, id: LayerId, tag: string): string =>
  forest.snapshots.find((use) => use.imageId === id && use.internalTag === tag)?.name ?? tag;

/** Tags inside the file that no snapshot of a VM claims: other tools made them, they are restore points all the same. */
export function unclaimedTags(forest: Forest, id: LayerId): readonly string[] {
  const claimed = new Set(
    forest.snapshots.filter((use) => use.imageId === id).map((use) => use.internalTag ?? null),
  );
  const tags = forest.layers.get(id)?.internalSnapshots.map((snapshot) => snapshot.tag) ?? [];
  return tags.filter((tag) => !claimed.has(tag));
}

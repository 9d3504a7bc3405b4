import { totalLength, widen } from '../extents.ts';
import {
  chainIds,
  type DiskUse,
  type Forest,
  type Layer,
  type LayerId,
  overlaysOf,
  tipsOf,
} from '../forest.ts';
import {
  type Allocation,
  type Blocker,
  type ChainPlan,
  isRefusal,
  type MoveRequest,
  type Refusal,
  refuse,
} from '../plan.ts';
import { soundChain } from './chain-request.ts';
import {
  incompleteBlockers,
  operationBlockers,
  readerBlockers,
  suspendedBlockers,
  type Touch,
  tagBlockers,
  writableBlockers,
} from './holders.ts';

export interface MovePlan extends ChainPlan {
  readonly operation: 'move';
  readonly method: 'mirror' | 'link' | 'copy';
}

/** What stands in the way of a move, and which VM carries it out. */
interface Course {
  readonly layer: Layer;
  readonly request: MoveRequest;
  readonly overlays: readonly Layer[];
  /** The running disk that writes the layer: its QEMU copies it. */
  readonly writer: DiskUse | null;
}

const imageSubject = ({ id, name }: Layer) => [{ kind: 'image', id, name }] as const;
const list = (names: readonly string[]): string => names.map((name) => `“${name}”`).join(', ');

function courseOf(forest: Forest, request: MoveRequest): Course | Refusal {
  const chain = soundChain(forest, request.layer);
  if (isRefusal(chain)) return chain;
  const [layer] = chain;
  if (layer === undefined) return refuse('unknown-layer', `There is no layer “${request.layer}”.`);
  if (layer.path === request.target.path)
    return refuse('nothing-to-do', `“${layer.name}” lies in that folder already.`);
  const writer = forest.disks.find((disk) => disk.running && disk.imageId === layer.id) ?? null;
  return { layer, request, overlays: overlaysOf(forest, layer.id), writer };
}

function targetBlockers({ layer, request }: Course): readonly Blocker[] {
  const { path, folder, taken, writable, removable } = request.target;
  return [
    ...(taken
      ? [
          {
            code: 'image-exists',
            message: `${path} exists already. Rename that file, or choose another folder.`,
            subjects: imageSubject(layer),
          },
        ]
      : []),
    ...(removable
      ? []
      : [
          {
            code: 'not-writable',
            message: `“${layer.name}” cannot be removed from the folder it lies in: its permissions forbid it. Change them first.`,
            subjects: imageSubject(layer),
          },
        ]),
    ...(writable
      ? []
      : [
          {
            code: 'not-writable',
            message: `Nothing can be created in ${folder}: its permissions forbid it. Change them, or choose another folder.`,
            subjects: imageSubject(layer),
          },
        ]),
  ];
}

/** A mirror copies what the guest sees; what else lies in the file would stay behind. */
function leftBehindBlockers(forest: Forest, { layer, request }: Course): readonly Blocker[] {
  const whole = 'Shut the VM down first: then the file is moved whole.';
  return [
    ...tagBlockers(forest, layer.id, `that a live move would leave behind. ${whole}`),
    ...(request.bitmaps === 0
      ? []
      : [
          {
            code: 'dirty-bitmaps',
            message: `“${layer.name}” holds ${request.bitmaps} dirty bitmaps of another program, which a live move would leave behind. ${whole}`,
            subjects: imageSubject(layer),
          },
        ]),
  ];
}

/** Live: the layer has one reader and writer, and its QEMU does it. */
function liveBlockers(forest: Forest, course: Course): readonly Blocker[] {
  const { layer, overlays, writer } = course;
  const others = forest.disks.filter(
    (disk) => disk.running && disk !== writer && chainIds(forest, disk.imageId).includes(layer.id),
  );
  return [
    ...leftBehindBlockers(forest, course),
    ...(overlays.length === 0
      ? []
      : [
          {
            code: 'overlay-stands',
            message: `${list(overlays.map(({ name }) => name))} ${overlays.length === 1 ? 'stands' : 'stand'} on “${layer.name}” although a VM writes it; the link cannot be rewritten while it runs. Shut the VM down first.`,
            subjects: overlays.flatMap(imageSubject),
          },
        ]),
    ...heldBlockers(layer, others),
    ...readerBlockers(forest, touchOf(course)),
  ];
}

/** Offline: the file itself changes its name, and every link to it is rewritten. */
function offlineBlockers(forest: Forest, { layer, overlays }: Course): readonly Blocker[] {
  const near = new Set([layer.id, ...overlays.map(({ id }) => id)]);
  const running = forest.disks.filter(
    (disk) => disk.running && chainIds(forest, disk.imageId).some((id) => near.has(id)),
  );
  const foreign = overlays.filter(({ format }) => format !== 'qcow2');
  const rewritten = [...overlays, ...(layer.backingId === null ? [] : [layer])];
  return [
    ...heldBlockers(layer, running),
    ...incompleteBlockers(forest, 'a link to this file could be left behind.'),
    ...foreign.map((overlay) => ({
      code: 'wrong-format',
      message: `The link in “${overlay.name}” cannot be rewritten: it is ${overlay.format}.`,
      subjects: imageSubject(overlay),
    })),
    ...writableBlockers(
      forest,
      rewritten.map(({ id }) => id),
    ),
    ...(layer.backingId !== null && layer.format !== 'qcow2'
      ? [
          {
            code: 'wrong-format',
            message: `“${layer.name}” cannot be moved: its own link cannot be rewritten, it is ${layer.format}.`,
            subjects: imageSubject(layer),
          },
        ]
      : []),
  ];
}

function heldBlockers(layer: Layer, disks: readonly DiskUse[]): readonly Blocker[] {
  return disks.map(({ vmId, vmName, imageId }) => ({
    code: 'held-by-running-vm',
    message:
      imageId === layer.id
        ? `The running VM “${vmName}” writes “${layer.name}” too. Shut it down first.`
        : `The running VM “${vmName}” reads through “${layer.name}”, and only the layer that a VM writes can be moved while it runs. Shut it down first.`,
    subjects: [{ kind: 'vm', id: vmId, name: vmName }],
  }));
}

/** Restored, an overlay from the trash would look for its backing under the old name. */
function trashBlockers(forest: Forest, layer: Layer): readonly Blocker[] {
  const above = forest.trashed.filter(({ imageId }) => imageId === layer.id);
  if (above.length === 0) return [];
  return [
    {
      code: 'trash-stands',
      message: `${list(above.map(({ name }) => name))} in the trash stands on “${layer.name}”. Delete it from the trash for good, or restore it, first.`,
      subjects: imageSubject(layer),
    },
  ];
}

const touchOf = ({ layer, overlays }: Course): Touch => ({
  root: layer.id,
  written: new Set([layer.id]),
  relinked: overlays.map(({ id }) => id),
});

/** A qcow2 file needs tables for what it holds (one byte in 8192 for each kind), and a few clusters to begin with. */
const withTables = (bytes: number): number => bytes + Math.ceil(bytes / 4096) + 1024 ** 2;

/** What is copied: live the clusters that the layer holds; to another disk the file; on the same disk nothing. */
function priceOf({ layer, request, writer }: Course, allocation: Allocation) {
  if (writer === null) {
    const bytes = request.target.sameDisk ? 0 : layer.allocatedBytes;
    return { bytesToMove: bytes, grows: { layer: layer.id, bytes } };
  }
  const held = allocation.get(layer.id) ?? [];
  const whole = totalLength(layer.clusterSize === undefined ? held : widen(held, layer.clusterSize));
  return { bytesToMove: totalLength(held), grows: { layer: layer.id, bytes: withTables(whole) } };
}

/**
 * The file of a layer goes to another folder; the layer stays what it is, and everything that refers to it finds it.
 *
 *    active  /a/disk.qcow2 ──┐  the VM writes both          active  /b/disk.qcow2
 *              │        copy └─► /b/disk.qcow2      ──▶               │
 *    base    /a/base.qcow2 ◄────────┘                       base    /a/base.qcow2
 *
 * Live it is a mirror: the data of this one layer, onto the same backing. Of a layer that no running VM holds, the file
 * is moved, and the links of all its overlays with it.
 */
export function planMove(forest: Forest, allocation: Allocation, request: MoveRequest): MovePlan | Refusal {
  const course = courseOf(forest, request);
  if (isRefusal(course)) return course;
  const { layer, overlays, writer } = course;
  const before = tipsOf(forest, layer.id).map((tip) => chainIds(forest, tip.id));
  const live = writer !== null;
  return {
    operation: 'move',
    method: live ? 'mirror' : request.target.sameDisk ? 'link' : 'copy',
    liveVm: live ? { vmId: writer.vmId, vmName: writer.vmName, diskId: writer.diskId } : null,
    before,
    after: before,
    moves: [],
    ...priceOf(course, allocation),
    relocates: { layer: layer.id, from: layer.path, to: request.target.path },
    deletes: [],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: overlays.map(({ id }): { layer: LayerId; from: LayerId; to: LayerId } => ({
      layer: id,
      from: layer.id,
      to: layer.id,
    })),
    switches: [],
    nowUnused: [],
    blockers: [
      ...targetBlockers(course),
      ...(live ? liveBlockers(forest, course) : offlineBlockers(forest, course)),
      ...trashBlockers(forest, layer),
      ...suspendedBlockers(forest, touchOf(course)),
      ...operationBlockers(forest, touchOf(course)),
    ],
  };
}

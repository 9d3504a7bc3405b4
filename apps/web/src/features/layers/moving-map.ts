import { type ExtentList, joinNeighbours, subtract } from '@strata/backing-chain';
import type { ImageMap, Operation } from '@strata/contract';
import { bytesOf, cut, fieldsOf, join, type Piece, piecesOf } from './map-pieces.ts';

type LayerMap = ImageMap['layers'][number];

/**
 * The cross-section while data moves. QEMU keeps an image's tables in memory until it flushes, so the files lag behind;
 * but its jobs walk the disk from the first byte to the last, and `front` says how far they are:
 *
 *                    front                              front
 *     layer  │▒▒▒  ▒▒▒│▓▓   │  still held, hidden        layer'  │▓▓▓  ▓▓▓│     │  already here
 *     base'  │▓▓▓▓ ▓▓▓│     │  already here              base    │▒▒▒  ▒▒▒│▓▓   │  hidden from now on
 *              commit                                             pull
 */
export function movingMap(
  map: ImageMap,
  operation: Pick<Operation, 'moves' | 'progress' | 'front'>,
): ImageMap {
  const byId = new Map(map.layers.map((layer) => [layer.imageId, layer]));
  const into = operation.front?.into;
  // What goes to another branch stays here, too; so does what another job moves before or after.
  const moves = (operation.moves ?? []).filter(({ to }) => byId.has(to) && (into ?? to) === to);
  if (moves.length === 0) return map;
  const data = new Map<string, readonly Piece[]>();
  for (const { from } of moves) data.set(from, piecesOf(byId.get(from), 'visible'));
  const front = Math.floor(
    operation.front?.at ?? frontOf([...data.values()].flat(), operation.progress, map),
  );
  if (front <= map.start) return map;
  const moved = new Map([...data].map(([id, pieces]) => [id, cut(pieces, front)]));
  const layers = map.layers.map((layer): LayerMap => {
    const leaving = moved.get(layer.imageId);
    const come = moves
      .filter(({ to }) => to === layer.imageId)
      .map(({ from }) => moved.get(from)?.passed ?? []);
    if (leaving === undefined && come.length === 0) return layer;
    return redrawn(layer, leaving, join(...come));
  });
  return { ...map, layers };
}

/** A layer of which some has left the guest's view, or that shows what has come to it. */
function redrawn(
  layer: LayerMap,
  leaving: ReturnType<typeof cut> | undefined,
  come: readonly Piece[],
): LayerMap {
  const visible = join(leaving?.ahead ?? piecesOf(layer, 'visible'), come);
  const hidden = piecesOf(layer, 'shadowed');
  const covered = without(hidden, come);
  const shadowed = join(covered, leaving?.passed ?? []);
  const { imageId, allocatedBytes } = layer;
  return {
    imageId,
    allocatedBytes,
    visibleBytes: Math.round(layer.visibleBytes + bytesOf(come) - bytesOf(leaving?.passed ?? [])),
    ...fieldsOf('visible', visible),
    ...fieldsOf('shadowed', shadowed),
  };
}

function without(pieces: readonly Piece[], others: readonly Piece[]): readonly Piece[] {
  const gone: ExtentList = joinNeighbours(others.map(({ start, length }) => [start, length] as const));
  return pieces.flatMap((piece) =>
    subtract([[piece.start, piece.length]], gone).map(([start, length]) => ({
      start,
      length,
      held: (piece.held * length) / piece.length,
    })),
  );
}

/** How far a job is on the disk that tells only how many bytes it has moved. */
function frontOf(data: Piece[], { done, total }: Operation['progress'], map: ImageMap): number {
  if (total <= 0 || done <= 0) return 0;
  const share = Math.min(1, done / total);
  // Of a part of the disk one cannot tell how many bytes lie before it.
  if (map.length < map.virtualSize) return share * map.virtualSize;
  let left = share * bytesOf(data);
  for (const { start, length, held } of data.sort((a, b) => a.start - b.start)) {
    if (left <= held) return start + (held === 0 ? 0 : (left / held) * length);
    left -= held;
  }
  return map.virtualSize;
}

import type { ImageMap } from '@strata/contract';

type LayerMap = ImageMap['layers'][number];

/** A place in a map, and how many of its bytes are held: less than all where several pieces are told as one. */
export interface Piece {
  readonly start: number;
  readonly length: number;
  readonly held: number;
}

type Part = 'visible' | 'shadowed';

export function piecesOf(layer: LayerMap | undefined, part: Part): readonly Piece[] {
  const held = layer?.[part === 'visible' ? 'visibleHeld' : 'shadowedHeld'];
  return (layer?.[part] ?? []).map(([start, length], index) => ({
    start,
    length,
    held: held?.[index] ?? length,
  }));
}

/** The pieces as the map has them; with what they hold only where that is not all of them. */
export function fieldsOf<P extends Part>(part: P, pieces: readonly Piece[]): Pick<LayerMap, P> {
  const extents = pieces.map(({ start, length }): [number, number] => [start, length]);
  const held = pieces.map((piece) => piece.held);
  const isWhole = pieces.every(isFull);
  return { [part]: extents, ...(isWhole ? {} : { [`${part}Held`]: held }) } as Pick<LayerMap, P>;
}

export const bytesOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { held }) => sum + held, 0);

const isFull = ({ length, held }: Piece): boolean => held === length;

/** What lies before a place, and what lies after it. */
export function cut(
  pieces: readonly Piece[],
  at: number,
): { readonly passed: readonly Piece[]; readonly ahead: readonly Piece[] } {
  const passed: Piece[] = [];
  const ahead: Piece[] = [];
  for (const piece of pieces) {
    const before = Math.min(Math.max(at - piece.start, 0), piece.length);
    const share = before / piece.length;
    if (before > 0) passed.push({ start: piece.start, length: before, held: piece.held * share });
    if (before < piece.length)
      ahead.push({
        start: piece.start + before,
        length: piece.length - before,
        held: piece.held * (1 - share),
      });
  }
  return { passed, ahead };
}

/** All of them in order. Whole pieces that touch become one; so do those that overlap, as told coarsely they may. */
export function join(...lists: readonly (readonly Piece[])[]): readonly Piece[] {
  const joined: Piece[] = [];
  for (const piece of lists.flat().sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    const end = last === undefined ? Number.NEGATIVE_INFINITY : last.start + last.length;
    const touches = end === piece.start && last !== undefined && isFull(last) && isFull(piece);
    if (last === undefined || (piece.start >= end && !touches)) {
      joined.push(piece);
      continue;
    }
    const length = Math.max(end, piece.start + piece.length) - last.start;
    joined[joined.length - 1] = { start: last.start, length, held: Math.min(length, last.held + piece.held) };
  }
  return joined;
}

import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import type { Machine, Point } from './machines.ts';

export interface Scene {
  readonly strata: Strata;
  readonly random: Random;
  readonly machines: Machine[];
  /** Counts names and writes. */
  next(): number;
}
/** What was done, and what was wrong about it. Null: there is nothing to do it to. */
export type Done = {
  readonly words: string;
  readonly complaints: readonly string[];
  readonly refused?: boolean;
};
export type Act = (scene: Scene, machine: Machine) => Promise<Done | null>;

export const refused = (words: string, why: string, expected: boolean): Done => ({
  words: `${words}: refused: ${why}`,
  refused: true,
  complaints: expected ? [] : [`“${words}” was refused although it was called possible`],
});

export const somePoint = (random: Random, { points }: Machine): Point | null =>
  points.size === 0 ? null : random.pick([...points.values()]);

/** The snapshot with this id in a tree of them. */
export const nodeOf = (nodes: Json[], id: string): Json | null => {
  for (const node of nodes) {
    const found = node.id === id ? node : nodeOf(node.children, id);
    if (found !== null) return found;
  }
  return null;
};

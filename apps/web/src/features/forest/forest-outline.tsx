import { memo } from 'react';
import { describe } from './forest-text.ts';
import { type ForestNode, type ForestTrees, nodesOf } from './forest-tree.ts';

export const outlineId = (nodeId: string): string => `forest-${nodeId}`;

interface ForestOutlineProps {
  trees: ForestTrees;
  onPick: (id: string) => void;
}

interface Line {
  readonly node: ForestNode;
  /** Counted from 1 among what stands on the same. */
  readonly position: number;
  readonly siblings: number;
}

/** The forest for those who hear it: the items of the tree whose picture is drawn beside them. */
export const ForestOutline = memo(function ForestOutline({ trees, onPick }: ForestOutlineProps) {
  return (
    <div className="visually-hidden">
      {linesOf(trees).map(({ node, position, siblings }) => (
        // The keys are the tree's, which has the focus and names the current item.
        // biome-ignore lint/a11y/useKeyWithClickEvents: see above
        <div
          key={node.id}
          role="treeitem"
          id={outlineId(node.id)}
          tabIndex={-1}
          aria-label={describe(node)}
          aria-level={node.level + 1}
          aria-posinset={position}
          aria-setsize={siblings}
          aria-expanded={node.children.length > 0 || undefined}
          onClick={() => onPick(node.id)}
        />
      ))}
    </div>
  );
});

/** Flat, with the level told: a chain may be deeper than elements should be nested. */
function linesOf({ chains, media, strays }: ForestTrees): Line[] {
  const roots = [...chains, ...media, ...strays];
  const places = new Map<string, Omit<Line, 'node'>>();
  const number = (nodes: readonly ForestNode[]) => {
    for (const [index, { id }] of nodes.entries())
      places.set(id, { position: index + 1, siblings: nodes.length });
  };
  number(roots);
  return [...nodesOf(roots)].map((node) => {
    number(node.children);
    return { node, position: 1, siblings: 1, ...places.get(node.id) };
  });
}

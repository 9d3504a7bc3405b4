import { Button } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { StickyBar } from '../../ui/sticky-bar.tsx';

interface SnapshotBarProps {
  /** Of what is selected. */
  names: readonly string[];
  /** A tap selects one more: fingers have no Ctrl. */
  isSeveral: boolean;
  onSeveral: (isSeveral: boolean) => void;
  onDetails: () => void;
}

/** Where the details stand below the tree: what is selected, and the way to them. */
export function SnapshotBar({ names, isSeveral, onSeveral, onDetails }: SnapshotBarProps) {
  const { bar, selected } = words.snapshots;
  return (
    <StickyBar label={bar.label} name={names.length === 1 ? names[0] : selected.title(names.length)}>
      <Button
        size="compact-md"
        variant={isSeveral ? 'light' : 'default'}
        aria-pressed={isSeveral}
        onClick={() => onSeveral(!isSeveral)}
      >
        {bar.several}
      </Button>
      <Button size="compact-md" onClick={onDetails}>
        {bar.details}
      </Button>
    </StickyBar>
  );
}

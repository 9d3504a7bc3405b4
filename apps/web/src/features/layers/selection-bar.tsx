import { Button } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { StickyBar } from '../../ui/sticky-bar.tsx';
import type { LayerModel } from './layer-model.ts';
import type { Run } from './selection.ts';

interface SelectionBarProps {
  models: readonly LayerModel[];
  run: Run | null;
  /** The next tap sets the other end of the run: fingers have no Shift. */
  isExtending: boolean;
  onExtend: (isExtending: boolean) => void;
  onActions: () => void;
}

/** Where the actions stand below the drawing: what is selected, and the way to them. */
export function SelectionBar({ models, run, isExtending, onExtend, onActions }: SelectionBarProps) {
  if (run === null) return null;
  const { selectionBar, panel } = words.layers;
  const count = run.lower - run.upper + 1;
  return (
    <StickyBar
      label={selectionBar.label}
      name={
        isExtending ? selectionBar.extending : count === 1 ? models[run.upper]?.image.name : panel.many(count)
      }
    >
      {models.length > 1 ? (
        <Button
          size="compact-md"
          variant={isExtending ? 'light' : 'default'}
          aria-pressed={isExtending}
          onClick={() => onExtend(!isExtending)}
        >
          {selectionBar.extend}
        </Button>
      ) : null}
      <Button size="compact-md" onClick={onActions}>
        {selectionBar.actions}
      </Button>
    </StickyBar>
  );
}

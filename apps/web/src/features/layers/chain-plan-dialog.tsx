import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ChainRequest } from '@strata/contract';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { chainPlan } from '../plan/chain-plan.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import { type LayerModel, namesOf } from './layer-model.ts';

interface ChainPlanDialogProps {
  action: ConceivableAction;
  models: readonly LayerModel[];
  onClose: () => void;
}

type Mode = 'auto' | 'commit' | 'pull';
const modes: readonly Mode[] = ['auto', 'commit', 'pull'];

/** The plan of a chain operation. Open for as long as it is rendered. */
export function ChainPlanDialog({ action, models, onClose }: ChainPlanDialogProps) {
  // What was chosen keeps its name, even when its layers leave the chain while one reads.
  const [title] = useState(() => actionTitle(action, namesOf(models)).replace(/\s[↑↓]$/, ''));
  const narrow = useMediaQuery('(max-width: 48rem)') ?? false;
  const [mode, setMode] = useState<Mode>('auto');
  const deletes = action.request.operation === 'delete';
  const request: ChainRequest =
    action.request.operation === 'delete' ? { ...action.request, mode } : action.request;
  return (
    <PlanDialog title={title} {...chainPlan(request)} onClose={onClose}>
      {deletes ? (
        <SegmentedControl
          orientation={narrow ? 'vertical' : 'horizontal'}
          fullWidth
          aria-label={words.layers.deletion.mode}
          value={mode}
          onChange={(value) => setMode(value as Mode)}
          data={modes.map((value) => ({ value, label: words.layers.deletion.modes[value] }))}
        />
      ) : null}
    </PlanDialog>
  );
}

import { SegmentedControl } from '@mantine/core';
import { type ChainRequest, endpoints } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';

interface ChainPlanDialogProps {
  action: ConceivableAction | null;
  models: readonly LayerModel[];
  onClose: () => void;
}

/** The plan of a commit, a pull or a deletion. */
export function ChainPlanDialog({ action, ...props }: ChainPlanDialogProps) {
  return action === null ? null : <Chosen action={action} {...props} />;
}

type Mode = 'auto' | 'commit' | 'pull';
const modes: readonly Mode[] = ['auto', 'commit', 'pull'];

function Chosen({ action, models, onClose }: ChainPlanDialogProps & { action: ConceivableAction }) {
  const [mode, setMode] = useState<Mode>('auto');
  const deletes = action.request.operation === 'delete';
  const request: ChainRequest =
    action.request.operation === 'delete' ? { ...action.request, mode } : action.request;
  return (
    <PlanDialog
      title={actionTitle(action, models).replace(/ [↑↓]$/, '')}
      planKey={[request]}
      makePlan={(signal) => call(endpoints.planChain, { body: request, signal })}
      run={(fingerprint) => call(endpoints.runChain, { body: { ...request, fingerprint } })}
      onClose={onClose}
    >
      {deletes ? (
        <SegmentedControl
          aria-label={words.layers.deletion.mode}
          value={mode}
          onChange={(value) => setMode(value as Mode)}
          data={modes.map((value) => ({ value, label: words.layers.deletion.modes[value] }))}
        />
      ) : null}
    </PlanDialog>
  );
}

import { endpoints } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import { type LayerModel, namesOf } from './layer-model.ts';

interface ChainPlanDialogProps {
  action: ConceivableAction;
  models: readonly LayerModel[];
  onClose: () => void;
}

/** The plan of a commit or a pull. Open for as long as it is rendered. */
export function ChainPlanDialog({ action, models, onClose }: ChainPlanDialogProps) {
  const { request } = action;
  // What was chosen keeps its name, even when its layers leave the chain while one reads.
  const [title] = useState(() => actionTitle(action, namesOf(models)).replace(/ [↑↓]$/, ''));
  return (
    <PlanDialog
      title={title}
      planKey={[request]}
      makePlan={(signal) => call(endpoints.planChain, { body: request, signal })}
      run={(fingerprint) => call(endpoints.runChain, { body: { ...request, fingerprint } })}
      onClose={onClose}
    />
  );
}

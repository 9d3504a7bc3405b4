import { endpoints } from '@strata/contract';
import { call } from '../../api/call.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';

/** The plan of a commit or a pull. */
export function ChainPlanDialog({
  action,
  models,
  onClose,
}: {
  action: ConceivableAction | null;
  models: readonly LayerModel[];
  onClose: () => void;
}) {
  if (action === null) return null;
  const { request } = action;
  return (
    <PlanDialog
      title={actionTitle(action, models).replace(/ [↑↓]$/, '')}
      planKey={[request]}
      makePlan={(signal) => call(endpoints.planChain, { body: request, signal })}
      run={(fingerprint) => call(endpoints.runChain, { body: { ...request, fingerprint } })}
      onClose={onClose}
    />
  );
}

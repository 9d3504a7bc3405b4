import { type ChainRequest, endpoints, type Image } from '@strata/contract';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';

/** Other formats hold what they hold. */
export const isCompactable = ({ format }: Pick<Image, 'format'>): boolean =>
  format === 'qcow2' || format === 'raw';

/** What a layer would give back of zeros and unused clusters, and the doing of it. Open for as long as it is rendered. */
export function CompactImageDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const request: ChainRequest = { operation: 'compact', imageId: image.id };
  return (
    <PlanDialog
      title={words.copies.compact.title(image.name)}
      planKey={[request]}
      makePlan={(signal) => call(endpoints.planChain, { body: request, signal })}
      run={(approved) => call(endpoints.runChain, { body: { ...request, ...approved } })}
      onClose={onClose}
    >
      <p>{words.copies.compact.text}</p>
    </PlanDialog>
  );
}

import type { Image } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { chainPlan } from '../plan/chain-plan.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';

/** Other formats hold what they hold. */
export const isCompactable = ({ format }: Pick<Image, 'format'>): boolean =>
  format === 'qcow2' || format === 'raw';

/** What a layer would give back of zeros and unused clusters, and the doing of it. Open for as long as it is rendered. */
export function CompactImageDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  return (
    <PlanDialog
      title={words.copies.compact.title(image.name)}
      {...chainPlan({ operation: 'compact', imageId: image.id })}
      onClose={onClose}
    >
      <p>{words.copies.compact.text}</p>
    </PlanDialog>
  );
}

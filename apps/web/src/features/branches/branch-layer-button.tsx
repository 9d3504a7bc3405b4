import type { Image } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { LinkButton } from '../../ui/link-button.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';

/** To the New VM page, filled in with an overlay on this layer; grey on a layer that a VM writes. */
export function BranchLayerButton({ image }: { image: Image }) {
  const { branch } = words.copies;
  const writer = image.usedBy.find(({ kind }) => kind === 'vm');
  if (writer !== undefined)
    return (
      <ReasonedButton variant="default" reason={branch.fromLayerReason(writer.name)}>
        {branch.fromLayer}
      </ReasonedButton>
    );
  return (
    <LinkButton variant="default" to="/vms/new" search={{ image: image.id }}>
      {branch.fromLayer}
    </LinkButton>
  );
}

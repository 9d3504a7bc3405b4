import type { Freeable } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { LinkButton } from '../../ui/link-button.tsx';

const vmPages = {
  layers: '/vms/$vmId/layers',
  snapshots: '/vms/$vmId/snapshots',
  vm: '/vms/$vmId',
} as const;

/** The page on which it is done. */
export function FreeableLink({ item: { link, name } }: { item: Freeable }) {
  const { go, of } = words.usage.freeable;
  const { imageId, vmId } = link;
  const look = { size: 'compact-sm', variant: 'default' } as const;
  if (vmId !== undefined && (link.to === 'layers' || link.to === 'snapshots' || link.to === 'vm')) {
    return (
      <LinkButton {...look} to={vmPages[link.to]} params={{ vmId }} aria-label={of(go[link.to], name)}>
        {go[link.to]}
      </LinkButton>
    );
  }
  if (link.to === 'image' && imageId !== undefined)
    return (
      <LinkButton {...look} to="/library" search={{ image: imageId }} aria-label={of(go.image, name)}>
        {go.image}
      </LinkButton>
    );
  return link.to === 'trash' ? (
    <LinkButton {...look} to="/library" search={{ trash: true }} aria-label={of(go.trash, name)}>
      {go.trash}
    </LinkButton>
  ) : (
    <LinkButton {...look} to="/library" aria-label={of(go.library, name)}>
      {go.library}
    </LinkButton>
  );
}

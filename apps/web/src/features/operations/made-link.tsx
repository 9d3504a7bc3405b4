import type { Operation } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { imagesQuery, vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { type Made, madeBy } from './made-by.ts';

/** Leads to the VM or the image that an operation has made, as long as that is there. */
export function MadeLink({ operation, className }: { operation: Operation; className?: string }) {
  const made = madeBy(operation);
  if (made === null) return null;
  return made.kind === 'vm' ? (
    <VmLink id={made.id} {...{ className }} />
  ) : (
    <ImageLink id={made.id} {...{ className }} />
  );
}

interface MadeLinkProps extends Pick<Made, 'id'> {
  className: string | undefined;
}

function VmLink({ id, className }: MadeLinkProps) {
  const name = useQuery({
    ...vmsQuery(),
    select: ({ items }) => items.find((vm) => vm.id === id)?.name,
  }).data;
  if (name === undefined) return null;
  return (
    <Link to="/vms/$vmId" params={{ vmId: id }} className={className}>
      {words.operations.open(name)}
    </Link>
  );
}

function ImageLink({ id, className }: MadeLinkProps) {
  const name = useQuery({
    ...imagesQuery(),
    select: ({ items }) => items.find((image) => image.id === id)?.name,
  }).data;
  if (name === undefined) return null;
  return (
    <Link to="/library/$imageId" params={{ imageId: id }} className={className}>
      {words.operations.open(name)}
    </Link>
  );
}

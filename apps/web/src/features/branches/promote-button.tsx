import type { Image, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { breakRefusal, useBreak } from '../library/use-break.ts';
import { PromoteDialog } from './promote-dialog.tsx';

interface PromoteButtonProps {
  image: Image;
  vm?: Vm | undefined;
  diskId?: string | undefined;
  compact?: boolean;
}

/** Lets a VM continue from a layer; grey with the reason where no VM could. */
export function PromoteButton({ image, vm, diskId, compact = false }: PromoteButtonProps) {
  const [open, setOpen] = useState(false);
  const vms = useQuery(vmsQuery()).data?.items ?? [];
  const { promote } = words.copies;
  const writer = image.usedBy.find(({ kind }) => kind === 'vm');
  const broken = breakRefusal(useBreak(image));
  const reason = vms.some(({ disks }) => disks.length > 0)
    ? writer === undefined
      ? broken
      : promote.written(writer.name)
    : promote.noVm;
  return (
    <>
      <ReasonedButton
        variant="default"
        {...(compact ? { size: 'compact-sm' } : {})}
        reason={reason}
        onClick={() => setOpen(true)}
      >
        {vm === undefined ? promote.open : promote.openFor(vm.name)}
      </ReasonedButton>
      {open ? <PromoteDialog image={image} vm={vm} diskId={diskId} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

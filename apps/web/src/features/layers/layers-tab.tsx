import { Button, Group } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconGitBranch, IconStack2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { imageQuery, vmQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { PromoteButton } from '../branches/promote-button.tsx';
import { diskName } from './disk-name.ts';
import classes from './layers-tab.module.css';
import { LayersView } from './layers-view.tsx';

/** The disks of a VM, each as its stack of layers. */
export function LayersTab({ vmId }: { vmId: string }) {
  const vm = useQuery(vmQuery(vmId));
  if (vm.data === undefined)
    return vm.isError ? (
      <ErrorNotice error={vm.error} onRetry={() => void vm.refetch()} />
    ) : (
      <RowSkeletons count={5} height={64} />
    );
  if (vm.data.disks.length === 0)
    return (
      <EmptyState icon={<IconStack2 size={40} />} title={words.layers.noDisks.title}>
        {words.layers.noDisks.text}
      </EmptyState>
    );
  const { data } = vm;
  return (
    <div className={classes.disks}>
      {data.disks.map((disk, index) => (
        <DiskLayers key={disk.id} vm={data} disk={disk} name={diskName(data.disks, index)} />
      ))}
    </div>
  );
}

function DiskLayers({ vm, disk, name }: { vm: Vm; disk: Vm['disks'][number]; name: string }) {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const elsewhere = search.tip !== undefined && (search.disk ?? vm.disks[0]?.id) === disk.id;
  const tipId = elsewhere && search.tip !== undefined ? search.tip : disk.imageId;
  const show = (tip: string | null) =>
    void navigate({
      to: '/vms/$vmId/layers',
      params: { vmId: vm.id },
      search: tip === null || tip === disk.imageId ? {} : { disk: disk.id, tip },
    });
  const ownBranch = tipId === disk.imageId;
  return (
    <LayersView
      tipId={tipId}
      title={words.layers.diskTitle(name)}
      vm={vm}
      onShow={show}
      notice={
        ownBranch ? null : <BranchNotice tipId={tipId} vm={vm} diskId={disk.id} onBack={() => show(null)} />
      }
    />
  );
}

interface BranchNoticeProps {
  tipId: string;
  vm: Vm;
  diskId: string;
  onBack: () => void;
}

function BranchNotice({ tipId, vm, diskId, onBack }: BranchNoticeProps) {
  const tip = useQuery(imageQuery(tipId));
  const nameOf = useImageNames();
  return (
    <Group className={classes.notice} gap={10}>
      <IconGitBranch size={16} aria-hidden />
      <span className={classes.noticeText}>
        {words.layers.branches.viewing(tip.data ? nameOf(tip.data) : '…')}
      </span>
      {tip.data ? <PromoteButton image={tip.data} vm={vm} diskId={diskId} compact /> : null}
      <Button size="compact-sm" variant="default" onClick={onBack}>
        {words.layers.branches.back}
      </Button>
    </Group>
  );
}

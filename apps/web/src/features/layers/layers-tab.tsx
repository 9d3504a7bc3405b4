import { Button, Group } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconGitBranch, IconStack2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { imageChainQuery, imageQuery, vmQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { PromoteButton } from '../branches/promote-button.tsx';
import { diskName } from './disk-name.ts';
import classes from './layers-tab.module.css';
import { LayersView } from './layers-view.tsx';
import { useLayerAddress } from './use-layer-address.ts';

/** The disks of a VM, each as its stack of layers. */
export function LayersTab({ vmId }: { vmId: string }) {
  const vm = useQuery(vmQuery(vmId));
  const address = useLayerAddress(vmId);
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
        <DiskLayers
          key={disk.id}
          vm={data}
          disk={disk}
          name={diskName(data.disks, index)}
          marked={address.markedOn(disk.id)}
          onSelected={address.select}
        />
      ))}
    </div>
  );
}

interface DiskLayersProps {
  vm: Vm;
  disk: Vm['disks'][number];
  name: string;
  /** The layer that the address means. */
  marked: string | undefined;
  onSelected: (imageId: string | null, view: { disk?: string; tip?: string }) => void;
}

function DiskLayers({ vm, disk, name, marked, onSelected }: DiskLayersProps) {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const elsewhere = search.tip !== undefined && (search.disk ?? vm.disks[0]?.id) === disk.id;
  const own = useQuery(imageChainQuery(disk.imageId)).data?.layers;
  // A restore point on another branch is shown there.
  const isAside = marked !== undefined && own?.every(({ id }) => id !== marked);
  const asked = elsewhere ? search.tip : isAside && search.snapshot !== undefined ? marked : undefined;
  const tipId = asked ?? disk.imageId;
  const show = (tip: string | null) =>
    void navigate({
      to: '/vms/$vmId/layers',
      params: { vmId: vm.id },
      search: tip === null || tip === disk.imageId ? {} : { disk: disk.id, tip },
    });
  const view = useMemo(
    () => (tipId === disk.imageId ? {} : { disk: disk.id, tip: tipId }),
    [tipId, disk.id, disk.imageId],
  );
  const select = useCallback((imageId: string | null) => onSelected(imageId, view), [onSelected, view]);
  const ownBranch = tipId === disk.imageId;
  return (
    <LayersView
      tipId={tipId}
      title={words.layers.diskTitle(name)}
      vm={vm}
      onShow={show}
      marked={marked}
      onSelected={select}
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

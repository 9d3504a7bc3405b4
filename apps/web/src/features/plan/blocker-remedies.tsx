import { Group } from '@mantine/core';
import type { Blocker, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { operationsQuery, vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { LinkButton } from '../../ui/link-button.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { OperationControls } from '../operations/operation-controls.tsx';
import { TakeSnapshotButton } from '../snapshots/take-snapshot-button.tsx';
import { useVmAction } from '../vms/use-vm-action.ts';
import { vmRefusal } from '../vms/vm-can.ts';
import { type Remedy, remediesOf } from './remedies.ts';

interface BlockerRemediesProps {
  blockers: readonly Blocker[];
  /** A link leads away from where this stands. */
  onLeave?: () => void;
}

const small = { size: 'compact-sm', variant: 'default' } as const;

/** Buttons for what the words of the blockers ask for; nothing where no button can. */
export function BlockerRemedies({ blockers, onLeave = () => {} }: BlockerRemediesProps) {
  const remedies = remediesOf(blockers);
  if (remedies.length === 0) return null;
  return (
    <Group gap={6}>
      {remedies.map((remedy) => (
        <RemedyButton key={`${remedy.kind} ${remedy.id}`} remedy={remedy} onLeave={onLeave} />
      ))}
    </Group>
  );
}

function RemedyButton({ remedy: { kind, id, name }, onLeave }: { remedy: Remedy; onLeave: () => void }) {
  const { remedies } = words.plan;
  if (kind === 'trash')
    return (
      <LinkButton {...small} to="/library" search={{ trash: true }} onClick={onLeave}>
        {remedies.trash}
      </LinkButton>
    );
  if (id === null)
    return (
      <LinkButton {...small} to="/library" onClick={onLeave}>
        {remedies.folders}
      </LinkButton>
    );
  if (kind === 'operation') return <OperationRemedy id={id} onLeave={onLeave} />;
  if (kind === 'image')
    return (
      <LinkButton {...small} to="/library" search={{ image: id }} onClick={onLeave}>
        {remedies.image(name)}
      </LinkButton>
    );
  const toVm = (
    <LinkButton
      {...small}
      to={kind === 'media' ? '/vms/$vmId/hardware' : '/vms/$vmId/layers'}
      params={{ vmId: id }}
      onClick={onLeave}
    >
      {kind === 'media' ? remedies.media(name) : remedies.vm(name)}
    </LinkButton>
  );
  if (kind === 'shut-down') return <OfVm id={id}>{(vm) => <ShutDown vm={vm} />}</OfVm>;
  if (kind === 'snapshot')
    return <OfVm id={id}>{(vm) => <TakeSnapshotButton vm={vm} label={remedies.snapshot(name)} />}</OfVm>;
  return toVm;
}

function OfVm({ id, children }: { id: string; children: (vm: Vm) => ReactNode }) {
  const vm = useQuery(vmsQuery()).data?.items.find((each) => each.id === id);
  return vm === undefined ? null : children(vm);
}

function ShutDown({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  return (
    <ReasonedButton
      {...small}
      loading={action.isPending}
      reason={vmRefusal('shutdown', vm)}
      onClick={() => action.mutate('shutdown')}
    >
      {words.plan.remedies.shutDown(vm.name)}
    </ReasonedButton>
  );
}

function OperationRemedy({ id, onLeave }: { id: string; onLeave: () => void }) {
  const operation = useQuery(operationsQuery()).data?.items.find((each) => each.id === id);
  return (
    <>
      <LinkButton {...small} to="/operations" onClick={onLeave}>
        {words.plan.remedies.operation}
      </LinkButton>
      {operation === undefined ? null : <OperationControls operation={operation} />}
    </>
  );
}

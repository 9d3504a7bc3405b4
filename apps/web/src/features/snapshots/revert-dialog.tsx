import { Alert, Checkbox, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { endpoints, keptName, type Revert, type Snapshot, type Vm } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { snapshotForecastQuery, snapshotsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { diskName } from '../layers/disk-name.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { isLive } from '../vms/vm-can.ts';
import { flatSnapshots } from './flat-snapshots.ts';
import { HardwareChange } from './hardware-change.tsx';
import { operationOf, planOf } from './plan-answer.ts';
import { type Afterwards, afterwardsOf } from './revert-afterwards.ts';
import classes from './revert-dialog.module.css';
import { revertWarning } from './revert-warning.ts';

/** Revert, with its plan. The current state is kept unless one takes the tick away. */
export function RevertDialog({ vm, snapshot, onClose }: { vm: Vm; snapshot: Snapshot; onClose: () => void }) {
  const { revert } = words.snapshots;
  const [keep, setKeep] = useState(true);
  const [keepMemory, setKeepMemory] = useState(false);
  const tree = useQuery(snapshotsQuery(vm.id)).data;
  const [name, setName] = useState(() => {
    const taken = tree === undefined ? [] : flatSnapshots(tree).map((each) => each.name);
    return keptName('reverting to', snapshot.name, taken);
  });
  const offered = afterwardsOf(snapshot, vm);
  const [chosen, setChosen] = useState<Afterwards | undefined>(offered[0]?.value);
  // The VM may have been suspended, or have gone on, while this is open.
  const afterwards = offered.some(({ value }) => value === chosen) ? chosen : offered[0]?.value;
  const [hardware, setHardware] = useState<NonNullable<Revert['hardware']>>('restore');
  const [keepsVars, setKeepsVars] = useState(false);
  const narrow = useMediaQuery('(max-width: 48rem)') ?? false;
  const [settledName] = useDebouncedValue(name, 400);
  const params = { id: vm.id, sid: snapshot.id };
  // A state that is kept inside the image has its memory there whenever that is possible.
  const runs = isLive(vm.state) && snapshot.kind === 'external';
  const savesMemory = runs && keep && keepMemory;
  const body: Partial<Revert> = {
    keepCurrent: keep,
    ...(keep && name.trim() !== '' ? { name: name.trim() } : {}),
    hardware,
    ...(savesMemory ? { keepMemory: true } : {}),
    ...(keepsVars ? { uefiVars: 'keep' } : {}),
    ...(afterwards === 'asWas' ? {} : { start: afterwards === 'start' }),
  };
  return (
    <PlanDialog
      title={revert.title(snapshot.name)}
      // The steps name the snapshot, but are not written anew for each letter.
      planKey={['revert', params, keep, savesMemory, afterwards, hardware, keepsVars, settledName]}
      makePlan={async (signal) =>
        planOf(await call(endpoints.revertSnapshot, { params, body: { ...body, plan: true }, signal }))
      }
      run={async ({ fingerprint }) =>
        operationOf(await call(endpoints.revertSnapshot, { params, body: { ...body, fingerprint } }))
      }
      refusal={null}
      diskOf={(tipId) => {
        const index = vm.disks.findIndex(({ imageId }) => imageId === tipId);
        return index < 0 ? null : diskName(vm.disks, index);
      }}
      onClose={onClose}
    >
      {(plan) => (
        <Stack gap="sm">
          {plan === undefined ? null : (
            <Warning text={revertWarning(vm.state, plan.live, keep, savesMemory)} />
          )}
          <Checkbox
            label={revert.keep}
            checked={keep}
            onChange={(event) => setKeep(event.currentTarget.checked)}
            error={keep ? undefined : revert.keepOff}
          />
          {runs && keep ? <KeepMemory vmId={vm.id} checked={keepMemory} onChange={setKeepMemory} /> : null}
          <div className={classes.choices}>
            {keep ? (
              <TextInput
                label={revert.keepName}
                value={name}
                maxLength={100}
                onChange={(event) => setName(event.currentTarget.value)}
              />
            ) : null}
            <div>
              <div className={classes.label} id="revert-afterwards">
                {revert.start}
              </div>
              <SegmentedControl
                orientation={narrow ? 'vertical' : 'horizontal'}
                fullWidth={narrow}
                aria-labelledby="revert-afterwards"
                value={afterwards ?? ''}
                onChange={(value) => setChosen(value as Afterwards)}
                data={[...offered]}
              />
            </div>
          </div>
          {keepsVars || plan?.blockers.some(({ code }) => code === 'uefi-vars-missing') ? (
            <Checkbox
              label={revert.keepVars}
              description={revert.keepVarsText}
              checked={keepsVars}
              onChange={(event) => setKeepsVars(event.currentTarget.checked)}
            />
          ) : null}
          {plan?.hardware !== undefined && plan.hardware.length > 0 ? (
            <HardwareChange changes={plan.hardware} value={hardware} onChange={setHardware} />
          ) : null}
        </Stack>
      )}
    </PlanDialog>
  );
}

interface KeepMemoryProps {
  vmId: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** What it costs to be able to come back to the running guest. */
function KeepMemory({ vmId, checked, onChange }: KeepMemoryProps) {
  const { revert } = words.snapshots;
  const { memoryBytes, storage } = useQuery(snapshotForecastQuery(vmId)).data ?? {};
  return (
    <Checkbox
      label={revert.keepMemory}
      description={revert.keepMemoryText(memoryBytes ?? null, storage?.free ?? null)}
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

function Warning({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <Alert color="amber" icon={<IconAlertTriangle size={18} aria-hidden />}>
      {text}
    </Alert>
  );
}

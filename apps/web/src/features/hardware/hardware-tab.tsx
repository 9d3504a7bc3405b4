import { Alert } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconSnowflake } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { vmQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { BootPanel } from './boot-panel.tsx';
import { DevicesPanel } from './devices-panel.tsx';
import { DisksPanel } from './disks-panel.tsx';
import { GeneralPanel } from './general-panel.tsx';
import classes from './hardware-tab.module.css';
import { MediaPanel } from './media-panel.tsx';
import { NbdDisksPanel } from './nbd-disks-panel.tsx';
import { NicsPanel } from './nics-panel.tsx';
import { ProcessorPanel } from './processor-panel.tsx';
import { SaveBar } from './save-bar.tsx';
import { useDraft } from './use-draft.ts';

export function HardwareTab({ vmId }: { vmId: string }) {
  const vm = useQuery(vmQuery(vmId)).data;
  return vm ? <HardwareForm key={vm.id} vm={vm} /> : null;
}

function HardwareForm({ vm }: { vm: Vm }) {
  const draft = useDraft(vm);
  return (
    <div className={classes.tab}>
      {vm.state === 'suspended' ? (
        <Alert
          color="amber"
          icon={<IconSnowflake size={18} aria-hidden />}
          title={words.hardware.suspended.title}
        >
          {words.hardware.suspended.text}
        </Alert>
      ) : null}
      <div className={classes.columns}>
        <div className={classes.column}>
          <GeneralPanel draft={draft} />
          <ProcessorPanel draft={draft} />
          <BootPanel draft={draft} />
        </div>
        <div className={classes.column}>
          <DisksPanel draft={draft} />
          <NbdDisksPanel draft={draft} />
          <MediaPanel draft={draft} />
          <NicsPanel draft={draft} />
          <DevicesPanel draft={draft} />
        </div>
      </div>
      <SaveBar draft={draft} />
    </div>
  );
}

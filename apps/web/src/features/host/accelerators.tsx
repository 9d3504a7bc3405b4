import type { Host } from '@strata/contract';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import classes from './accelerators.module.css';

/** Whether KVM can be used here; if not, why, and the command that mends it. */
export function Accelerators({ accelerators }: { accelerators: Host['accelerators'] }) {
  const { kvm, tcg } = accelerators;
  return (
    <div className={classes.list}>
      <Accelerator name={words.host.kvm} usable={kvm.usable} reason={kvm.reason} />
      {kvm.remedy ? (
        <div className={classes.remedy}>
          <p>{words.host.remedy}</p>
          <CommandBox shell={kvm.remedy} />
        </div>
      ) : null}
      <Accelerator name={words.host.tcg} usable={tcg.usable} reason={tcg.reason} />
    </div>
  );
}

function Accelerator({ name, usable, reason }: { name: string; usable: boolean; reason: string }) {
  const Icon = usable ? IconCircleCheck : IconCircleX;
  return (
    <div className={classes.item} data-usable={usable}>
      <Icon size={18} aria-hidden />
      <div>
        <strong>{name}</strong> <span>{usable ? words.host.usable : words.host.notUsable}</span>
        <p className={classes.reason}>{reason}</p>
      </div>
    </div>
  );
}

import type { ReactNode } from 'react';
import { words } from '../../lib/words.ts';
import { Panel } from '../../ui/page.tsx';
import { type Definition, waitsForStart } from '../vm-form/definition.ts';
import { isLive } from '../vms/vm-can.ts';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

interface DraftPanelProps {
  draft: Draft;
  title: string;
  /** The fields of the definition inside it. */
  fields: (keyof Definition)[];
  children: ReactNode;
}

/** A part of the form; marked when its changes wait for the next start. */
export function DraftPanel({ draft, title, fields, children }: DraftPanelProps) {
  const waits =
    isLive(draft.vm.state) && fields.some((field) => waitsForStart(field) && field in draft.changes);
  return (
    <Panel
      title={title}
      actions={waits ? <span className={classes.badge}>{words.hardware.nextStart}</span> : null}
    >
      <div className={classes.stack}>{children}</div>
    </Panel>
  );
}

import type { VmState } from '@strata/contract';
import { words } from '../lib/words.ts';
import classes from './state-dot.module.css';

/** The state of a VM as a dot; the word is there for those who do not see colours. */
export function StateDot({ state, decorative = false }: { state: VmState; decorative?: boolean }) {
  return (
    <span className={classes.dot} data-state={state} title={decorative ? undefined : words.vms.states[state]}>
      {decorative ? null : <span className="visually-hidden">{words.vms.states[state]}</span>}
    </span>
  );
}

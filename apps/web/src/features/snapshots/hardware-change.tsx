import { Radio } from '@mantine/core';
import type { Plan, Revert } from '@strata/contract';
import { words } from '../../lib/words.ts';
import classes from './hardware-change.module.css';

type Choice = NonNullable<Revert['hardware']>;

interface HardwareChangeProps {
  changes: NonNullable<Plan['hardware']>;
  value: Choice;
  onChange: (choice: Choice) => void;
}

/** What of the VM is not as it was then, and whether that goes back as well. */
export function HardwareChange({ changes, value, onChange }: HardwareChangeProps) {
  const text = words.snapshots.hardware;
  return (
    <section className={classes.hardware} aria-label={text.title}>
      <table className={classes.table}>
        <caption>{text.title}</caption>
        <thead>
          <tr>
            <th scope="col">{text.what}</th>
            <th scope="col" data-taken={value === 'restore' || undefined}>
              {text.before}
            </th>
            <th scope="col" data-taken={value === 'keep' || undefined}>
              {text.now}
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.map(({ what, then, now }) => (
            <tr key={`${what} ${then} ${now}`}>
              <th scope="row">{what}</th>
              <td data-taken={value === 'restore' || undefined}>{then}</td>
              <td data-taken={value === 'keep' || undefined}>{now}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Radio.Group aria-label={text.title} value={value} onChange={(next) => onChange(next as Choice)}>
        <div className={classes.choice}>
          <Radio value="restore" label={text.restore} />
          <Radio value="keep" label={text.keep} />
        </div>
      </Radio.Group>
    </section>
  );
}

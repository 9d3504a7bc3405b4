import { Radio } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './choice-cards.module.css';

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly text: ReactNode;
  /** What it costs or gives. */
  readonly price?: ReactNode;
  /** Why it cannot be chosen; null or undefined when it can. */
  readonly reason?: string | null | undefined;
}

interface ChoiceCardsProps<Value extends string> {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  choices: readonly Choice<Value>[];
}

/** A few ways side by side, each with its price; one that is impossible stays there and says why. */
export function ChoiceCards<Value extends string>(props: ChoiceCardsProps<Value>) {
  const { label, value, onChange, choices } = props;
  return (
    <Radio.Group label={label} value={value} onChange={(next) => onChange(next as Value)}>
      <div className={classes.cards}>
        {choices.map((choice) => {
          const reason = choice.reason ?? null;
          return (
            <Radio.Card
              key={choice.value}
              value={choice.value}
              disabled={reason !== null}
              className={classes.card}
              radius="md"
            >
              <span className={classes.head}>
                <Radio.Indicator disabled={reason !== null} />
                <span>{choice.label}</span>
              </span>
              <span className={classes.text}>{choice.text}</span>
              {reason === null ? (
                <span className={classes.price}>{choice.price}</span>
              ) : (
                <span className={classes.reason}>{reason}</span>
              )}
            </Radio.Card>
          );
        })}
      </div>
    </Radio.Group>
  );
}

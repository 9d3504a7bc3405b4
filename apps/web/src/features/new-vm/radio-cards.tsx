import classes from './new-vm-page.module.css';

interface RadioCardsProps<Value extends string> {
  label: string;
  value: Value;
  choices: Record<Value, { label: string; text: string }>;
  onChange: (value: Value) => void;
}

/** Radio buttons as cards with a line of explanation. */
export function RadioCards<Value extends string>({
  label,
  value,
  choices,
  onChange,
}: RadioCardsProps<Value>) {
  return (
    <div className={classes.cards} role="radiogroup" aria-label={label}>
      {(Object.keys(choices) as Value[]).map((each) => (
        <label key={each} className={classes.card}>
          <input
            type="radio"
            name={label}
            value={each}
            checked={each === value}
            onChange={() => onChange(each)}
          />
          <span className={classes.cardLabel}>{choices[each].label}</span>
          <span className={classes.cardText}>{choices[each].text}</span>
        </label>
      ))}
    </div>
  );
}

import { Alert } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './make.module.css';
import type { Forecast } from './use-forecast.ts';

/** How large it becomes and where the space comes from, or why it cannot be made. */
export function ForecastView({ forecast: { data, error } }: { forecast: Forecast }) {
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return null;
  const text = words.make.forecast;
  return (
    <>
      <div className={classes.forecast} aria-live="polite">
        <strong>{text.becomes(data.entries, data.bytes, data.size)}</strong>
        {data.spaces.map(({ folder, needed, spendable }) => (
          <span key={folder}>{text.space(folder, needed, spendable)}</span>
        ))}
      </div>
      {data.blockers.map((blocker) => (
        <Alert key={blocker} color="red" variant="light" role="alert">
          {blocker}
        </Alert>
      ))}
    </>
  );
}

import { Button } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

/** Comes up when something was changed, and stays in view. */
export function SaveBar({ draft }: { draft: Draft }) {
  const count = Object.keys(draft.changes).length;
  if (count === 0) return null;
  const text = words.hardware;
  return (
    <div className={classes.saveBar}>
      <ErrorNotice error={draft.error} />
      <div className={classes.saveLine}>
        <span role="status">
          {text.unsaved(count)}
          {draft.waits ? ` · ${text.nextStart}` : ''}
        </span>
        <Button variant="default" onClick={draft.discard}>
          {text.discard}
        </Button>
        <ReasonedButton
          loading={draft.saving}
          reason={draft.value.memory === null ? text.badSize : null}
          onClick={draft.save}
        >
          {draft.waits ? text.saveRunning : words.common.save}
        </ReasonedButton>
      </div>
    </div>
  );
}

import { Alert, Button, Code } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { isApiError } from '../api/api-error.ts';
import { words } from '../lib/words.ts';
import classes from './error-notice.module.css';

interface ErrorNoticeProps {
  error: unknown;
  onRetry?: () => void;
  title?: string;
}

/** An error in words, in the place where it matters. Nothing without an error. */
export function ErrorNotice({ error, onRetry, title }: ErrorNoticeProps) {
  if (error === null || error === undefined) return null;
  return (
    <Alert
      color="red"
      variant="light"
      role="alert"
      icon={<IconAlertTriangle size={18} aria-hidden />}
      title={title ?? errorTitle(error)}
    >
      <ErrorText error={error} />
      {onRetry ? (
        <Button size="xs" variant="default" mt="xs" onClick={onRetry}>
          {words.common.retry}
        </Button>
      ) : null}
    </Alert>
  );
}

export function errorTitle(error: unknown): string {
  if (!isApiError(error)) return words.errors.title;
  const { code, detail, title } = error.problem;
  // Which thing it is that is not there says more than that one is not.
  return code === 'not-found' && detail ? detail : title;
}

/** The body of the message, also for notifications. */
export function ErrorText({ error }: { error: unknown }): ReactNode {
  if (!isApiError(error)) {
    return <p>{error instanceof Error ? error.message : words.errors.unknown}</p>;
  }
  const { detail, blockers, errors, stderr, usedBy, code, requestId } = error.problem;
  const next = words.errors.next[code];
  return (
    <div className={classes.text}>
      {/* With single mistakes listed below, the detail would only repeat the first. */}
      {detail && detail !== errorTitle(error) && !errors?.length ? <p>{detail}</p> : null}
      {next ? <p>{next}</p> : null}
      {blockers?.length ? (
        <ul>
          {blockers.map((blocker) => (
            <li key={`${blocker.code} ${blocker.message}`}>{blocker.message}</li>
          ))}
        </ul>
      ) : null}
      {errors?.length ? (
        <ul>
          {errors.map((each) => (
            <li key={`${each.path} ${each.message}`}>
              {each.path ? <Code>{each.path}</Code> : null} {each.message}
            </li>
          ))}
        </ul>
      ) : null}
      {usedBy?.length ? (
        <p>
          {words.errors.usedBy}: {usedBy.map((use) => use.name).join(', ')}
        </p>
      ) : null}
      {stderr ? (
        <details>
          <summary>{words.errors.stderr}</summary>
          <pre className={classes.stderr}>{stderr}</pre>
        </details>
      ) : null}
      {code === 'internal-error' && requestId ? <p>{words.errors.requestId(requestId)}</p> : null}
    </div>
  );
}

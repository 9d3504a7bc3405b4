import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { isApiError } from '../api/api-error.ts';
import { ErrorText, errorTitle } from './error-notice.tsx';

/** For an action that has no place of its own on the page for its error. */
export function notifyError(error: unknown): void {
  // The frame says already that the server is away: not once more for each button.
  const id = isApiError(error) && error.unreachable ? 'unreachable' : undefined;
  notifications.show({
    ...(id ? { id } : {}),
    color: 'red',
    icon: <IconAlertTriangle size={18} aria-hidden />,
    title: errorTitle(error),
    message: <ErrorText error={error} />,
    autoClose: 12_000,
    withBorder: true,
    role: 'alert',
  });
}

/** `action` is what one may want next; the message then stays longer. */
export function notifyDone(message: string, action?: { label: string; onClick: () => void }): void {
  const id = crypto.randomUUID();
  const follow = () => {
    notifications.hide(id);
    action?.onClick();
  };
  notifications.show({
    color: 'green',
    icon: <IconCheck size={18} aria-hidden />,
    id,
    message: action ? (
      <>
        {message}{' '}
        <Button size="compact-sm" variant="subtle" onClick={follow}>
          {action.label}
        </Button>
      </>
    ) : (
      message
    ),
    autoClose: action ? 12_000 : 4000,
    withBorder: true,
  });
}

import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { currentToken, onTokenChange } from '../../api/access.ts';
import { followEvents } from '../../api/live-events.ts';
import { LoginPage } from './login-page.tsx';

/** Without a token: the login page. With one: the page, following the server's events. */
export function AccessGate({ children }: { children: ReactNode }) {
  const token = useSyncExternalStore(onTokenChange, currentToken);
  const client = useQueryClient();
  useEffect(() => {
    if (token === null) {
      client.clear();
      return;
    }
    return followEvents(client);
  }, [token, client]);
  return token === null ? <LoginPage /> : children;
}

import { QueryClient } from '@tanstack/react-query';
import { isApiError } from './api-error.ts';

/** Nothing is refetched by age or by focus: the event stream says what has changed. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 10 * 60_000,
        refetchOnWindowFocus: false,
        // The connection to 127.0.0.1 does not depend on the computer being online.
        networkMode: 'always',
        retry: (failures, error) => isApiError(error) && error.unreachable && failures < 2,
        retryDelay: 400,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}

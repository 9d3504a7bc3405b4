import { useDocumentVisibility } from '@mantine/hooks';
import { endpoints, type Vm } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { callBinary } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { isLive } from './vm-can.ts';

const everyMilliseconds = 3000;

/**
 * The VM's picture as an object URL: again every few seconds while it runs, is wanted (in view) and the page is
 * looked at; once when it stands still. Null when there is none.
 */
export function useScreenshot(vm: Pick<Vm, 'id' | 'state' | 'hasPicture'>, wanted: boolean): string | null {
  const looking = useDocumentVisibility() !== 'hidden';
  const moving = vm.state === 'running' || vm.state === 'stopping';
  const query = useQuery({
    queryKey: keys.screenshot(vm.id, isLive(vm.state)),
    queryFn: ({ signal }) =>
      callBinary(endpoints.getScreenshot, { params: { id: vm.id }, signal }).catch((error: unknown) => {
        if (isApiError(error) && error.is('not-found', 'vm-not-running', 'not-possible')) return null;
        throw error;
      }),
    enabled: wanted && looking && vm.hasPicture,
    // Standing still, the picture changes with the end of each run: it is asked for whenever it comes into view.
    // Where there was none, there is none before the next run (apply-event.ts forgets the answer then).
    staleTime: ({ state }) =>
      moving ? everyMilliseconds - 500 : state.data === null ? Number.POSITIVE_INFINITY : 0,
    gcTime: 60_000,
    refetchInterval: moving && wanted && looking ? everyMilliseconds : false,
    refetchOnMount: true,
    placeholderData: keepPreviousData,
    retry: false,
  });
  return useObjectUrl(vm.hasPicture ? (query.data ?? null) : null);
}

function useObjectUrl(blob: Blob | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) {
      setUrl(null);
      return;
    }
    const made = URL.createObjectURL(blob);
    setUrl(made);
    // The next picture is decoded before this one goes.
    return () => {
      setTimeout(() => URL.revokeObjectURL(made), 1000);
    };
  }, [blob]);
  return url;
}

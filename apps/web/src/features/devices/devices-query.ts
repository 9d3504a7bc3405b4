import { endpoints } from '@strata/contract';
import { queryOptions } from '@tanstack/react-query';
import { call } from '../../api/call.ts';

/** Nothing tells when a stick is plugged in: looked at when it is shown, and when somebody asks. */
export const devicesQuery = () =>
  queryOptions({
    queryKey: ['devices'] as const,
    queryFn: ({ signal }) => call(endpoints.listDevices, { signal }),
    staleTime: 0,
  });

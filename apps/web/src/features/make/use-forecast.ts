import { useDebouncedValue } from '@mantine/hooks';
import { endpoints, type MakeForecastWish } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import type { FilesSource } from './use-files-source.ts';
import type { Target } from './use-making.ts';

const typingMs = 300;

/** What the image would be and whether it can be made: asked again whenever something of it changes. */
export const useForecast = (
  form: Pick<MakeForecastWish, 'kind'> & Partial<MakeForecastWish>,
  { asked, problem }: FilesSource,
  { folder, useReserve }: Target,
) => {
  const body = {
    ...form,
    ...asked,
    ...(folder === null ? {} : { folder }),
    ...(useReserve ? { useReserve } : {}),
  };
  const wish = JSON.stringify(body);
  const [settled] = useDebouncedValue(wish, typingMs);
  const isAsked = asked !== null && problem === null;
  const query = useQuery({
    queryKey: ['make-forecast', settled],
    queryFn: ({ signal }) =>
      call(endpoints.forecastMaking, { body: JSON.parse(settled) as typeof body, signal }),
    enabled: isAsked && settled === wish,
    placeholderData: keepPreviousData,
    // A look at a moving world.
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  return {
    data: isAsked ? query.data : undefined,
    error: isAsked && settled === wish ? query.error : null,
    isAsked,
    /** Of what stands there now. */
    isCurrent: isAsked && settled === wish && query.isSuccess && !query.isPlaceholderData,
  };
};
export type Forecast = ReturnType<typeof useForecast>;

import { apiPrefix, type Endpoint, endpoints } from '@strata/contract';
import { call, endpointUrl } from './call.ts';

/**
 * Lets the browser save what an endpoint streams. A page can set no header for that, so a ticket that opens this one
 * address, once, goes with it.
 */
export async function saveDownload(
  endpoint: Endpoint,
  input: { params?: unknown; query?: unknown },
): Promise<void> {
  const path = endpointUrl(endpoint, input).slice(apiPrefix.length);
  const { ticket } = await call(endpoints.createTicket, { body: { purpose: 'download', path } });
  const link = document.createElement('a');
  link.href = `${apiPrefix}${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`;
  link.download = '';
  link.click();
}

import { type Endpoint, insideFileType, type ProblemDetails } from '@strata/contract';
import { currentToken } from './access.ts';
import { ApiError } from './api-error.ts';
import { endpointUrl, fallbackProblem, unreachableProblem } from './call.ts';

interface Sending {
  readonly params: unknown;
  readonly query: unknown;
  readonly file: File;
  readonly signal: AbortSignal;
  readonly onSent: (bytes: number) => void;
}

/** A file as the body of a request. `fetch` tells nothing of how far it is. */
export const sendFile = (
  endpoint: Endpoint,
  { params, query, file, signal, onSent }: Sending,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(endpoint.method, endpointUrl(endpoint, { params, query }));
    request.setRequestHeader('content-type', insideFileType);
    request.setRequestHeader('authorization', `Bearer ${currentToken() ?? ''}`);
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener('load', () =>
      request.status < 300 ? resolve() : reject(new ApiError(problemOf(request))),
    );
    request.addEventListener('error', () => reject(new ApiError(unreachableProblem)));
    request.addEventListener('abort', () => reject(new DOMException('Stopped', 'AbortError')));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    if (signal.aborted) reject(new DOMException('Stopped', 'AbortError'));
    else request.send(file);
  });

function problemOf({ status, statusText, responseText }: XMLHttpRequest): ProblemDetails {
  const fallback = fallbackProblem(status, statusText);
  try {
    return { ...fallback, ...(JSON.parse(responseText) as Partial<ProblemDetails>) };
  } catch {
    return fallback;
  }
}

import { endpoints } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentToken, setToken } from './access.ts';
import { isApiError } from './api-error.ts';
import { call, callBinary, callWithToken, endpointUrl } from './call.ts';

interface Sent {
  url: string;
  request: RequestInit;
}
const sent: Sent[] = [];

/** The network's edge: what the server would answer. */
function answer(status: number, body: unknown): void {
  vi.stubGlobal('fetch', (url: string, request: RequestInit) => {
    sent.push({ url, request });
    return Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
  });
}

async function failureOf(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isApiError(error)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

beforeEach(() => {
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => {}, removeItem: () => {} });
  setToken('secret');
});
afterEach(() => {
  sent.length = 0;
  vi.unstubAllGlobals();
});

describe('a call of the contract', () => {
  it('fills parameters into the path, encoded, and leaves undefined out of the query', () => {
    expect(endpointUrl(endpoints.putMedia, { params: { id: 'a/b', slot: 'cd0' } })).toBe(
      '/api/v1/vms/a%2Fb/media/cd0',
    );
    expect(endpointUrl(endpoints.listVms, { query: { limit: 10, q: undefined } })).toBe(
      '/api/v1/vms?limit=10',
    );
  });

  it('carries the token as a bearer, and a body as JSON', async () => {
    answer(200, { id: 'vm01' });
    await call(endpoints.patchVm, { params: { id: 'vm01' }, body: { cpus: 2 } });
    expect(sent[0]).toMatchObject({
      url: '/api/v1/vms/vm01',
      request: {
        method: 'PATCH',
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
        body: '{"cpus":2}',
      },
    });
  });

  it('sends no token with the exchange of a one-time code', async () => {
    answer(200, { token: 'new' });
    await call(endpoints.openSession, { body: { code: '12345678' } });
    expect(sent[0]?.request.headers).not.toHaveProperty('authorization');
  });

  it('throws the problem of a refusal, with its fields', async () => {
    answer(400, {
      type: 'about:blank',
      title: 'The request is malformed',
      status: 400,
      detail: 'name: must not be empty',
      code: 'invalid-request',
      errors: [{ path: 'disks.0.create.size', message: 'is too large' }],
    });
    const error = await failureOf(call(endpoints.createVm, { body: { name: '' } }));
    expect(error.is('invalid-request')).toBe(true);
    expect(error.fieldError('disks.0')).toBe('is too large');
    expect(error.fieldError('disks')).toBe('is too large');
    expect(error.fieldError('disk')).toBeUndefined();
  });

  it('makes a problem of an answer that is none', async () => {
    answer(500, '<h1>oops</h1>');
    const error = await failureOf(call(endpoints.getHost));
    expect(error).toMatchObject({ status: 500, code: 'internal-error' });
  });

  it('is unreachable when nobody answers', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect((await failureOf(call(endpoints.getHost))).unreachable).toBe(true);
  });

  it('passes a cancelled call on as such, not as unreachable', async () => {
    const stop = new AbortController();
    stop.abort();
    vi.stubGlobal('fetch', () => Promise.reject(new DOMException('aborted', 'AbortError')));
    const failed = call(endpoints.getHost, { signal: stop.signal });
    await expect(failed).rejects.toHaveProperty('name', 'AbortError');
  });

  it('answers pictures as they are', async () => {
    answer(200, 'PNG');
    expect(await (await callBinary(endpoints.getScreenshot, { params: { id: 'vm01' } })).text()).toBe('PNG');
  });
});

describe('a refused token', () => {
  const refusal = { type: '', title: '', status: 401, detail: '', code: 'unauthorized' };

  it('is forgotten, so that the login page comes up', async () => {
    answer(401, refusal);
    await failureOf(call(endpoints.getHost));
    expect(currentToken()).toBeNull();
  });

  it('does not take a newer token with it', async () => {
    vi.stubGlobal('fetch', () => {
      setToken('newer');
      return Promise.resolve(new Response(JSON.stringify(refusal), { status: 401 }));
    });
    await failureOf(call(endpoints.getHost));
    expect(currentToken()).toBe('newer');
  });

  it('that was only tried leaves the kept one alone', async () => {
    answer(401, refusal);
    await failureOf(callWithToken('wrong', endpoints.getHost));
    expect(currentToken()).toBe('secret');
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentToken, openAccess, readLinkSecret, setToken } from './access.ts';

const store = new Map<string, string>();
let address = '';

let onHashChange = () => {};

function open(hash: string) {
  address = `/vms${hash}`;
  vi.stubGlobal('location', { hash, pathname: '/vms', search: '' });
  vi.stubGlobal('history', {
    state: null,
    replaceState: (_: unknown, __: string, url: string) => (address = url),
  });
}

beforeEach(() => {
  store.clear();
  vi.stubGlobal('window', {
    addEventListener: (_: 'hashchange', listener: () => void) => (onHashChange = listener),
  });
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => store.set(key, value),
    removeItem: (key: string) => store.delete(key),
  });
});
afterEach(() => {
  setToken(null);
  vi.unstubAllGlobals();
});

describe('the secret of a start link', () => {
  it('is read from the fragment', () => {
    expect(readLinkSecret('#token=abc-_9')).toEqual({ kind: 'token', value: 'abc-_9' });
    expect(readLinkSecret('#code=12345678')).toEqual({ kind: 'code', value: '12345678' });
    expect(readLinkSecret('')).toBeNull();
    expect(readLinkSecret('#content')).toBeNull();
  });

  it('is taken out of the address and kept', async () => {
    open('#token=abc');
    await openAccess(() => Promise.reject(new Error('not asked')));
    expect(address).toBe('/vms');
    expect(currentToken()).toBe('abc');
    expect([...store.values()]).toEqual(['abc']);
  });

  it('as a code is exchanged for the token', async () => {
    open('#code=12345678');
    await openAccess((code) => Promise.resolve(`token for ${code}`));
    expect(address).toBe('/vms');
    expect(currentToken()).toBe('token for 12345678');
  });

  it('is also taken when the link is opened in a tab that shows the page already', async () => {
    open('');
    await openAccess(() => Promise.reject(new Error('not asked')));
    expect(currentToken()).toBeNull();
    open('#token=later');
    onHashChange();
    expect(currentToken()).toBe('later');
    expect(address).toBe('/vms');
  });

  it('as a used code does not cost the token of last time', async () => {
    store.set('strata.token', 'kept');
    open('#code=usedalready');
    await openAccess(() => Promise.reject(new Error('401')));
    expect(currentToken()).toBe('kept');
  });
});

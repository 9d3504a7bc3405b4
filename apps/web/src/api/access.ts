const storageKey = 'strata.token';
type Listener = () => void;

let token: string | null = null;
const listeners = new Set<Listener>();

/** The access token of this browser, or null: then the login page is shown. */
export function currentToken(): string | null {
  return token;
}

export function onTokenChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setToken(next: string | null): void {
  if (next === token) return;
  token = next;
  if (next === null) localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, next);
  for (const listener of listeners) listener();
}

export type LinkSecret = { kind: 'token' | 'code'; value: string } | null;

/** Reads `#token=…` or `#code=…` of a start link. Both are ASCII without `&`. */
export function readLinkSecret(hash: string): LinkSecret {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  for (const kind of ['token', 'code'] as const) {
    const value = fields.get(kind);
    if (value) return { kind, value };
  }
  return null;
}

type Exchange = (code: string) => Promise<string>;

/** The token of last time, or the one of the start link: also of one that is opened later in this same tab. */
export async function openAccess(exchange: Exchange): Promise<void> {
  token = localStorage.getItem(storageKey);
  await takeLinkSecret(exchange);
  // Where the page is open already, opening the link changes nothing but the fragment.
  window.addEventListener('hashchange', () => void takeLinkSecret(exchange));
}

/**
 * Takes the secret of the start link out of the address at once (it would stay in the history and in
 * screenshots otherwise) and remembers it. A one-time code is exchanged by `exchange`.
 */
async function takeLinkSecret(exchange: Exchange): Promise<void> {
  const secret = readLinkSecret(location.hash);
  if (secret) history.replaceState(history.state, '', location.pathname + location.search);
  if (secret?.kind === 'token') setToken(secret.value);
  // A used or expired code is no reason to forget a token that still works.
  if (secret?.kind === 'code') await exchange(secret.value).then(setToken, () => {});
}

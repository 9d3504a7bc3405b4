import type { Operation } from '@strata/contract';
import { useSyncExternalStore } from 'react';

const storageKey = 'strata.seen-failures';
/** More than anybody leaves unseen; keeps the entry small. */
const most = 500;

const listeners = new Set<() => void>();
let seen: ReadonlySet<string> = read();

function read(): ReadonlySet<string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
    return new Set(Array.isArray(stored) ? stored.filter((each) => typeof each === 'string') : []);
  } catch {
    return new Set();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Notes that a person has seen these failures; until then they stay red. */
export function dismissFailures(ids: readonly string[]): void {
  seen = new Set([...seen, ...ids].slice(-most));
  try {
    localStorage.setItem(storageKey, JSON.stringify([...seen]));
  } catch {
    // Without storage it is remembered as long as the page is open.
  }
  for (const listener of listeners) listener();
}

/** The failed operations among these that nobody has dismissed in this browser. */
export function useUnseenFailures(operations: readonly Operation[]): Operation[] {
  const dismissed = useSyncExternalStore(subscribe, () => seen);
  return operations.filter(({ id, state }) => state === 'failed' && !dismissed.has(id));
}

import { useSyncExternalStore } from 'react';

/** `connecting` is the first attempt: nothing is wrong yet. `lost` is shown. */
export type ConnectionState = 'connecting' | 'open' | 'lost';

let state: ConnectionState = 'connecting';
const listeners = new Set<() => void>();

export function setConnectionState(next: ConnectionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export function onConnectionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function connectionState(): ConnectionState {
  return state;
}

export function useConnection(): ConnectionState {
  return useSyncExternalStore(onConnectionChange, connectionState);
}

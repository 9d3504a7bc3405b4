import type { ServerEvent } from '@strata/contract';
import type { Events } from './events.types.ts';

type Unnumbered = Omit<ServerEvent, 'sequence'>;

/** One thing changes at most five times a second on the wire (security.md §6). */
const quietMilliseconds = 200;

interface Waiting {
  event: Unnumbered | null;
  readonly timer: NodeJS.Timeout;
}

/** The events of this server with what its sockets need beside `Events`. */
export interface EventsService extends Events {
  /** What goes out to pages: coalesced and numbered. Returns how to stop. */
  onNumbered(listener: (event: ServerEvent) => void): () => void;
  /** The number of the last event that went out. */
  readonly sequence: number;
  close(): void;
}

/** What a page needs to know of two changes it has seen neither of. */
const merge = (earlier: Unnumbered | null, later: Unnumbered): Unnumbered =>
  earlier?.change === 'created' && later.change === 'updated' ? { ...later, change: 'created' } : later;

export const createEventsService = (): EventsService => {
  const listeners = new Set<(event: Unnumbered) => void>();
  const numberedListeners = new Set<(event: ServerEvent) => void>();
  const quiet = new Map<string, Waiting>();
  // Begins at the time, in milliseconds: a page that knew the previous server never meets a number it expects.
  let sequence = Date.now();

  const send = (event: Unnumbered): void => {
    sequence += 1;
    const numbered = { ...event, sequence };
    for (const listener of numberedListeners) listener(numbered);
  };

  const openQuietTime = (key: string): void => {
    const timer = setTimeout(() => {
      const waiting = quiet.get(key)?.event ?? null;
      quiet.delete(key);
      if (waiting === null) return;
      send(waiting);
      openQuietTime(key);
    }, quietMilliseconds);
    timer.unref();
    quiet.set(key, { event: null, timer });
  };

  return {
    publish: (event) => {
      for (const listener of listeners) listener(event);
      const key = `${event.type}/${event.id}`;
      const waiting = quiet.get(key);
      if (waiting === undefined) {
        send(event);
        openQuietTime(key);
      } else waiting.event = merge(waiting.event, event);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onNumbered: (listener) => {
      numberedListeners.add(listener);
      return () => numberedListeners.delete(listener);
    },
    get sequence() {
      return sequence;
    },
    close: () => {
      for (const { timer } of quiet.values()) clearTimeout(timer);
      quiet.clear();
    },
  };
};

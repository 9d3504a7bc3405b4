import { type ServerEvent, serverEvent } from '@strata/contract';
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { backOff } from '../lib/back-off.ts';
import { isApiError } from './api-error.ts';
import { applyEvent, isOfGoneImage } from './apply-event.ts';
import { setConnectionState } from './connection.ts';
import { openSocket } from './open-socket.ts';

/** Several events in a row ask the server once. */
const gatherMilliseconds = 120;

/**
 * Follows the server's event stream into the cache until the returned function is called. A lost connection
 * is taken up again by itself; whatever may have been missed meanwhile is then fetched afresh.
 */
export function followEvents(client: QueryClient): () => void {
  const stop = new AbortController();
  const gather = gatherInvalidations(client);
  void keepConnected(client, gather.add, stop.signal);
  return () => {
    stop.abort();
    gather.stop();
  };
}

async function keepConnected(
  client: QueryClient,
  invalidate: (key: QueryKey) => void,
  stop: AbortSignal,
): Promise<void> {
  const position: Position = { sequence: null };
  setConnectionState('connecting');
  for (let attempt = 0; !stop.aborted; attempt += 1) {
    const ended = await listen(client, invalidate, position, stop);
    if (stop.aborted || ended === 'forbidden') return;
    setConnectionState('lost');
    if (ended === 'was-open') attempt = 0;
    await pause(backOff(attempt), stop);
  }
}

interface Position {
  /** Of the last event seen. */
  sequence: number | null;
}

/** One connection, from the ticket to its end. */
async function listen(
  client: QueryClient,
  invalidate: (key: QueryKey) => void,
  position: Position,
  stop: AbortSignal,
): Promise<'was-open' | 'never-open' | 'forbidden'> {
  let socket: WebSocket;
  try {
    socket = await openSocket('/events', 'events', undefined, stop);
  } catch (error) {
    return isApiError(error) && error.status === 401 ? 'forbidden' : 'never-open';
  }
  let opened = false;
  const close = () => socket.close();
  stop.addEventListener('abort', close, { once: true });
  return new Promise((resolve) => {
    socket.addEventListener('open', () => {
      opened = true;
      setConnectionState('open');
    });
    socket.addEventListener('message', ({ data }) => {
      const event = readEvent(data);
      if (event) receive(client, event, position, invalidate);
    });
    socket.addEventListener('close', () => {
      stop.removeEventListener('abort', close);
      resolve(opened ? 'was-open' : 'never-open');
    });
  });
}

export function receive(
  client: QueryClient,
  event: ServerEvent,
  position: Position,
  invalidate: (key: QueryKey) => void,
): void {
  const missedSome =
    event.type === 'resync' || (event.type === 'hello' && event.sequence !== position.sequence);
  position.sequence = event.sequence;
  if (missedSome) void client.invalidateQueries();
  else applyEvent(client, event, invalidate);
}

function readEvent(data: unknown): ServerEvent | null {
  if (typeof data !== 'string') return null;
  try {
    return serverEvent.parse(JSON.parse(data));
  } catch {
    return null;
  }
}

function gatherInvalidations(client: QueryClient): { add: (key: QueryKey) => void; stop: () => void } {
  const waiting = new Map<string, QueryKey>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    const invalidated = [...waiting.values()];
    waiting.clear();
    for (const queryKey of invalidated)
      void client.invalidateQueries({ queryKey, predicate: (query) => !isOfGoneImage(query.queryKey) });
  };
  return {
    add: (key) => {
      waiting.set(JSON.stringify(key), key);
      timer ??= setTimeout(flush, gatherMilliseconds);
    },
    stop: () => clearTimeout(timer),
  };
}

function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    stop.addEventListener('abort', done, { once: true });
    // A laptop that wakes up or a tab that is looked at again should not wait for the back-off.
    window.addEventListener('online', done, { once: true });
    document.addEventListener('visibilitychange', done, { once: true });
  });
}

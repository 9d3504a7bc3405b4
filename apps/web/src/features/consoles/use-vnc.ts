import type RFB from '@novnc/novnc';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { openSocket } from '../../api/open-socket.ts';
import { backOff } from '../../lib/back-off.ts';

export type VncState = 'idle' | 'connecting' | 'connected' | 'lost';

export interface Vnc {
  state: VncState;
  /** Of the moment the connection was lost, as a data URL. */
  lastFrame: string | null;
  rfb: RefObject<RFB | null>;
}

/** Keeps noVNC connected inside `target` for as long as `active`, taking up a lost connection by itself. */
export function useVnc(
  vmId: string,
  active: boolean,
  target: RefObject<HTMLElement | null>,
  fit: boolean,
): Vnc {
  const [state, setState] = useState<VncState>('idle');
  const [lastFrame, setLastFrame] = useState<string | null>(null);
  const rfb = useRef<RFB | null>(null);
  const fitNow = useRef(fit);
  fitNow.current = fit;

  useEffect(() => {
    const element = target.current;
    if (!active || !element) return;
    const stop = new AbortController();
    setState('connecting');
    void (async () => {
      for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
        const outcome = await connectOnce(vmId, element, stop.signal, (connected) => {
          rfb.current = connected;
          connected.scaleViewport = fitNow.current;
          setState('connected');
          setLastFrame(null);
        }).catch(() => null);
        rfb.current = null;
        if (stop.signal.aborted) return;
        if (outcome) {
          attempt = 0;
          setLastFrame(outcome.lastFrame);
        }
        setState('lost');
        await new Promise((resolve) => setTimeout(resolve, backOff(attempt, Math.random, 250, 3000)));
      }
    })();
    return () => {
      stop.abort();
      setState('idle');
      setLastFrame(null);
    };
  }, [vmId, active, target]);

  useEffect(() => {
    if (rfb.current) rfb.current.scaleViewport = fit;
  }, [fit]);

  return { state, lastFrame, rfb };
}

/** One connection, until it ends. Rejects when it never came to be. */
async function connectOnce(
  vmId: string,
  element: HTMLElement,
  stop: AbortSignal,
  onConnected: (rfb: RFB) => void,
): Promise<{ lastFrame: string | null }> {
  const { default: Rfb } = await import('@novnc/novnc');
  const socket = await openSocket(`/vms/${vmId}/console`, 'console', vmId, stop);
  if (stop.aborted) {
    socket.close();
    throw new DOMException('stopped', 'AbortError');
  }
  // At once: QEMU greets first, and what comes before noVNC listens would be lost.
  const rfb = new Rfb(element, socket, { shared: true });
  rfb.background = 'transparent';
  rfb.focusOnClick = true;
  const close = () => rfb.disconnect();
  stop.addEventListener('abort', close, { once: true });
  return new Promise((resolve, reject) => {
    let connected = false;
    rfb.addEventListener('connect', () => {
      connected = true;
      onConnected(rfb);
    });
    rfb.addEventListener('disconnect', () => {
      stop.removeEventListener('abort', close);
      if (connected) resolve({ lastFrame: frameOf(rfb) });
      else reject(new Error('the console did not connect'));
    });
  });
}

function frameOf(rfb: RFB): string | null {
  try {
    return rfb.toDataURL('image/png');
  } catch {
    // Nothing was painted yet.
    return null;
  }
}

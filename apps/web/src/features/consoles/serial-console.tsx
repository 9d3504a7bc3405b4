import '@xterm/xterm/css/xterm.css';
import type { Vm } from '@strata/contract';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import { words } from '../../lib/words.ts';
import { hasConsoles } from '../vms/vm-can.ts';
import { keepSerial, type SerialState } from './serial-connection.ts';
import classes from './serial-console.module.css';
import { styleFreeDocument } from './style-free-document.ts';

/** A serial port in xterm.js. At each connection the server sends what the port said before, so a reload loses nothing. */
export function SerialConsole({ vm, port }: { vm: Vm; port: number }) {
  const target = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<SerialState>('connecting');
  const live = hasConsoles(vm.state);
  useEffect(() => {
    const element = target.current;
    if (!element) return;
    const opened = openTerminal(element);
    const stop = keepSerial(vm.id, port, live, opened.terminal, setState);
    return () => {
      stop();
      opened.dispose();
    };
  }, [vm.id, port, live]);
  const note = !live
    ? words.consoles.noSerialHint
    : state === 'lost'
      ? words.consoles.lost
      : state === 'connecting'
        ? words.consoles.connecting
        : null;
  return (
    <section className={classes.serial} aria-label={words.consoles.serialLabel}>
      <div role="status">{note ? <p className={classes.note}>{note}</p> : null}</div>
      <div className={classes.stage}>
        <div ref={target} className={classes.terminal} />
      </div>
    </section>
  );
}

function openTerminal(element: HTMLElement): { terminal: Terminal; dispose: () => void } {
  const style = styleFreeDocument(document);
  const terminal = new Terminal({
    documentOverride: style.document,
    cursorBlink: true,
    fontSize: 13,
    fontFamily: getComputedStyle(element).getPropertyValue('--strata-mono') || 'monospace',
    scrollback: 10_000,
    screenReaderMode: true,
    theme: {
      background: '#07090b',
      foreground: '#e8e6e1',
      cursor: '#e0a458',
      selectionBackground: '#5a4526',
    },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  style.opening(() => terminal.open(element));
  fit.fit();
  terminal.focus();
  const resized = new ResizeObserver(() => fit.fit());
  resized.observe(element);
  return {
    terminal,
    dispose: () => {
      resized.disconnect();
      terminal.dispose();
      style.dispose();
    },
  };
}

import { Modal, type ModalProps } from '@mantine/core';
import { useEffect, useState } from 'react';

/**
 * A dialog that is open for as long as it is rendered. Mantine gives the focus back when `opened` changes, which
 * here it never does: so it is given back when the dialog goes.
 */
export function Dialog(props: Omit<ModalProps, 'opened'>) {
  useReturnedFocus();
  return <Modal {...props} opened />;
}

/** What had the focus before the dialog that is open: one that takes its place gives the focus back to the same. */
let outside: Element | null = null;

function useReturnedFocus(): void {
  // Read while rendering: an effect would find the focus inside already.
  const [before] = useState(() => {
    const active = document.activeElement;
    if (active?.closest('[role="dialog"]') == null) outside = menuButton(active) ?? active;
    return outside;
  });
  useEffect(
    () => () => {
      setTimeout(() => {
        const lost = document.activeElement === null || document.activeElement === document.body;
        if (lost && before instanceof HTMLElement && before.isConnected)
          before.focus({ preventScroll: true });
      });
    },
    [before],
  );
}

/** A line of a menu is gone when the dialog it opened is; the button of the menu stays. */
function menuButton(active: Element | null): Element | null {
  const button = active?.closest('[role="menu"]')?.getAttribute('aria-labelledby');
  return button == null ? null : document.getElementById(button);
}

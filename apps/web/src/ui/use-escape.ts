import { useEffect, useRef } from 'react';

const layers = '[role="dialog"], [role="menu"], [role="listbox"]';

/**
 * Escape for a drawer that dialogs and menus may lie over: it closes only what is uppermost. Mantine's listeners would
 * close all of them at once. This one is there before what is opened later, so it hears the key first, while
 * everything is still open.
 */
export function useEscape(isOpen: boolean, onClose: () => void): void {
  const latest = useRef({ isOpen, onClose });
  latest.current = { isOpen, onClose };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { isOpen, onClose } = latest.current;
      if (!isOpen || event.key !== 'Escape' || event.isComposing) return;
      if (document.querySelectorAll(layers).length <= 1) onClose();
    };
    window.addEventListener('keydown', listen, { capture: true });
    return () => window.removeEventListener('keydown', listen, { capture: true });
  }, []);
}

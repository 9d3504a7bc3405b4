import { useWindowEvent } from '@mantine/hooks';

const layers = '[role="dialog"], [role="menu"], [role="listbox"]';

/**
 * Escape for a drawer that dialogs and menus may lie over: it closes only what is uppermost. Mantine's own listener
 * closes all of them at once; this one comes after it, while what has just been closed is still there.
 */
export function useEscape(isOpen: boolean, onClose: () => void): void {
  useWindowEvent('keydown', (event) => {
    if (!isOpen || event.key !== 'Escape' || event.isComposing) return;
    if (document.querySelectorAll(layers).length > 1) return;
    onClose();
  });
}

import { useEffect } from 'react';
import { words } from './words.ts';

export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${words.frame.product}`;
  }, [title]);
}

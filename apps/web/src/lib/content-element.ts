/** The part of the frame that scrolls: what virtual lists watch. */
export function contentElement(): HTMLElement | null {
  return document.getElementById('content');
}

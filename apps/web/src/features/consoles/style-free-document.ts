export interface StyleFreeDocument {
  document: Document;
  /** Runs `open` with the page's own document style-free as well. */
  opening: (open: () => void) => void;
  dispose: () => void;
}

/**
 * xterm.js writes its colours and sizes into <style> elements and `style` attributes, which the content security
 * policy refuses (`style-src 'self'`). This is the document handed to it (`documentOverride`): where it asks for
 * a <style> it gets an inert element, whose text goes into a constructed style sheet; a `style` attribute is set
 * through the CSSOM. Both of these the policy allows.
 */
export function styleFreeDocument(real: Document): StyleFreeDocument {
  const sheets = new Map<Element, CSSStyleSheet>();
  const observer = new MutationObserver((changes) => {
    for (const { target } of changes)
      sheets.get(target as Element)?.replaceSync((target as Element).textContent ?? '');
  });
  // Not `real.createElement`, which `opening` replaces for a moment.
  const create = (name: string, options?: ElementCreationOptions): HTMLElement =>
    Document.prototype.createElement.call(real, name, options);
  const createStyle = () => {
    const element = create('inert-style');
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    sheets.set(element, sheet);
    real.adoptedStyleSheets = [...real.adoptedStyleSheets, sheet];
    observer.observe(element, { childList: true });
    return element;
  };
  const createElement = (name: string, options?: ElementCreationOptions) => {
    if (name.toLowerCase() === 'style') return createStyle();
    const element = create(name, options);
    element.setAttribute = setAttribute;
    return element;
  };
  const document = new Proxy(real, {
    get(target, property) {
      if (property === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  });
  return {
    document,
    // xterm.js 6.0 makes the style of its scroll bar with the page's document, whatever `documentOverride` says
    // (Terminal.open: `this._document ?? typeof window !== 'undefined' ? window.document : null`).
    opening: (open) => {
      real.createElement = createElement as Document['createElement'];
      try {
        open();
      } finally {
        Reflect.deleteProperty(real, 'createElement');
      }
    },
    dispose: () => {
      observer.disconnect();
      const ours = new Set(sheets.values());
      real.adoptedStyleSheets = real.adoptedStyleSheets.filter((sheet) => !ours.has(sheet));
    },
  };
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

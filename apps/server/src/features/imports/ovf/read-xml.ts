/** An element without its name space: OVF files use several prefixes for the same ones. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Directly in it. */
  readonly text: string;
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

export class XmlFlaw extends Error {
  override readonly name = 'XmlFlaw';
}

const deepest = 64;
const mostElements = 20_000;
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const decoded = (text: string): string =>
  text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w{1,8});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

const attributesOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/([^\s=/"'<>]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g)].map(([, name = '', one, other]) => [
      local(name),
      decoded(one ?? other ?? ''),
    ]),
  );

/** A tag with its attributes, or what is passed over: comments, instructions, CDATA. */
const token =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([^\s<>/!?]+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*?)(\/?)>/g;

/**
 * Reads the elements of an XML text. No document type, hence no entities of its own and nothing that is loaded; what
 * is not well-formed, too deep or too long is an {@link XmlFlaw}.
 */
export const readXml = (text: string): XmlElement => {
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new XmlFlaw('it has a document type');
  const root: OpenElement = { name: '', attributes: {}, children: [], text: '' };
  const open: OpenElement[] = [root];
  let count = 0;
  let last = 0;
  for (const found of text.matchAll(token)) {
    const [whole, cdata, closing, tag, attributes = '', empty] = found;
    const current = open.at(-1) ?? root;
    current.text += decoded(text.slice(last, found.index));
    last = found.index + whole.length;
    if (cdata !== undefined) current.text += cdata;
    if (tag === undefined) continue;
    if (closing === '/') {
      if (open.length === 1 || current.name !== local(tag)) throw new XmlFlaw('its elements are not closed');
      open.pop();
      continue;
    }
    count += 1;
    if (open.length > deepest || count > mostElements) throw new XmlFlaw('it is too large');
    const element = { name: local(tag), attributes: attributesOf(attributes), children: [], text: '' };
    current.children.push(element);
    if (empty !== '/') open.push(element);
  }
  const [top, second] = root.children;
  if (open.length > 1 || top === undefined || second !== undefined)
    throw new XmlFlaw('its elements are not closed');
  return top;
};

export const childrenOf = ({ children }: XmlElement, name: string): XmlElement[] =>
  children.filter((child) => child.name === name);
export const childOf = (element: XmlElement, name: string): XmlElement | undefined =>
  childrenOf(element, name)[0];
export const textOf = (element: XmlElement, name: string): string =>
  childOf(element, name)?.text.trim() ?? '';
/** All below it of that name, however deep. */
export const allBelow = (element: XmlElement, name: string): XmlElement[] =>
  element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...allBelow(child, name)]);

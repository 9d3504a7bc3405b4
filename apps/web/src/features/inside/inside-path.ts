/**
 * Where something lies inside a file system. Names there are bytes: what is not UTF-8 is meant by `rawPath`, the whole
 * path in base64url, and `path` only shows it.
 */
export interface InsidePath {
  readonly path: string;
  readonly rawPath: string | null;
}

export const root: InsidePath = { path: '/', rawPath: null };

/** As the server is asked for it. */
export const askedPath = ({ path, rawPath }: InsidePath): { path: string } | { rawPath: string } =>
  rawPath === null ? { path } : { rawPath };

const bytesOf = ({ path, rawPath }: InsidePath): Uint8Array<ArrayBuffer> =>
  rawPath === null
    ? new TextEncoder().encode(path)
    : Uint8Array.from(atob(rawPath.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));

const encoded = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const pathOf = (bytes: Uint8Array): InsidePath => {
  const path = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const isText = new TextEncoder().encode(path).every((byte, at) => byte === bytes[at]);
  return { path, rawPath: isText ? null : encoded(bytes) };
};

const slash = 0x2f;

/** The folders on the way and the place itself, the root left out. */
export const crumbsOf = (place: InsidePath): InsidePath[] => {
  const bytes = bytesOf(place);
  const ends = [...bytes.keys()].filter((at) => at > 0 && bytes[at] === slash);
  return (bytes.length > 1 ? [...ends, bytes.length] : []).map((end) => pathOf(bytes.subarray(0, end)));
};

export const parentOf = (place: InsidePath): InsidePath => crumbsOf(place).at(-2) ?? root;

export const nameOf = ({ path }: InsidePath): string => path.slice(path.lastIndexOf('/') + 1);

/** Something in the folder, by a name in text. */
export const childOf = (folder: InsidePath, name: string): InsidePath => {
  const path = folder.path === '/' ? `/${name}` : `${folder.path}/${name}`;
  if (folder.rawPath === null) return { path, rawPath: null };
  const [above, own] = [bytesOf(folder), new TextEncoder().encode(`/${name}`)];
  return { path, rawPath: encoded(Uint8Array.from([...above, ...own])) };
};

export const entryPath = (
  folder: InsidePath,
  { name, rawPath }: { readonly name: string; readonly rawPath?: string | undefined },
): InsidePath =>
  rawPath === undefined ? childOf(folder, name) : { path: childOf(folder, name).path, rawPath };

/** Of a name that a person gives: whatever else a file system refuses, it says itself. */
export const isFileName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);

import type { FileSystem } from './file-systems.types.ts';
import { type Fields, fieldsOf, type Region, sizeOf } from './region.ts';

/** Where things lie in a FAT file system, in bytes from its beginning. */
export interface FatPlaces {
  readonly kind: 'fat12' | 'fat16' | 'fat32';
  readonly table: number;
  readonly cluster: number;
  /** Of cluster 2, the first there is. */
  readonly data: number;
  readonly clusters: number;
  /** Of FAT32 a cluster; before it a place of its own. */
  readonly root: { readonly cluster: number } | { readonly at: number; readonly length: number };
  readonly size: number | null;
}

const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

/** Its first sector has no magic word, so everything in it must fit together. */
export const fatPlaces = ({ head }: Region): FatPlaces | null => {
  const sector = head.u16(11);
  const perCluster = head.u8(13);
  const reserved = head.u16(14);
  const tables = head.u8(16);
  const rootEntries = head.u16(17);
  const jumps = head.u8(0) === 0xeb || head.u8(0) === 0xe9;
  const isSane = isPower(sector) && sector >= 512 && sector <= 4096 && isPower(perCluster);
  const media = head.u8(21);
  if (!jumps || !isSane || reserved === 0 || tables < 1 || tables > 2) return null;
  if (media !== 0xf0 && media < 0xf8) return null;
  const tableSectors = head.u16(22) || head.u32(36);
  const total = head.u16(19) || head.u32(32);
  const rootSectors = Math.ceil((rootEntries * 32) / sector);
  const dataSector = reserved + tables * tableSectors + rootSectors;
  const clusters = Math.floor((total - dataSector) / perCluster);
  if (tableSectors === 0 || clusters < 1) return null;
  const isFat32 = head.u16(22) === 0;
  return {
    kind: isFat32 ? 'fat32' : clusters < 4085 ? 'fat12' : 'fat16',
    table: reserved * sector,
    cluster: perCluster * sector,
    data: dataSector * sector,
    clusters,
    root: isFat32
      ? { cluster: head.u32(44) }
      : { at: (reserved + tables * tableSectors) * sector, length: rootEntries * 32 },
    size: sizeOf(total, sector),
  };
};

export interface FatEntry {
  /** In capitals: `BOOTX64.EFI`. */
  readonly name: string;
  readonly isFolder: boolean;
  readonly isLabel: boolean;
  readonly cluster: number;
}

/** A folder with more than that is none that a firmware looks into. */
const mostClusters = 8;
const attributes = { label: 0x08, folder: 0x10, longName: 0x0f };

/** Thirteen letters of a long name, in three places of its entry; the last piece of the name lies first. */
const longNamePiece = (bytes: Fields, at: number): string =>
  [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
    .map((place) => bytes.u16(at + place))
    .filter((code) => code !== 0 && code !== 0xffff)
    .map((code) => String.fromCharCode(code))
    .join('');

const shortName = (bytes: Fields, at: number): string => {
  const [stem, ending] = [bytes.raw(at, 8).trimEnd(), bytes.raw(at + 8, 3).trimEnd()];
  return ending === '' ? stem : `${stem}.${ending}`;
};

const entriesIn = (bytes: Fields): FatEntry[] => {
  const entries: FatEntry[] = [];
  let longName = '';
  for (let at = 0; at + 32 <= bytes.bytes.length && bytes.u8(at) !== 0; at += 32) {
    const attribute = bytes.u8(at + 11);
    const isRemoved = bytes.u8(at) === 0xe5;
    if (!isRemoved && (attribute & 0x3f) === attributes.longName) {
      longName = longNamePiece(bytes, at) + longName;
      continue;
    }
    const isLabel = (attribute & attributes.label) !== 0;
    if (!isRemoved)
      entries.push({
        name: isLabel ? bytes.raw(at, 11) : (longName || shortName(bytes, at)).slice(0, 255).toUpperCase(),
        isFolder: (attribute & attributes.folder) !== 0,
        isLabel,
        cluster: bytes.u16(at + 20) * 2 ** 16 + bytes.u16(at + 26),
      });
    longName = '';
  }
  return entries;
};

/** The cluster after this one; null at the end of the chain. */
const nextCluster = async (
  region: Region,
  { kind, table }: FatPlaces,
  cluster: number,
): Promise<number | null> => {
  const bits = kind === 'fat12' ? 12 : kind === 'fat16' ? 16 : 32;
  const entry = await region.read(table + Math.floor((cluster * bits) / 8), 4);
  const value =
    kind === 'fat12'
      ? (entry.u16(0) >> (cluster % 2 === 0 ? 0 : 4)) & 0xfff
      : kind === 'fat16'
        ? entry.u16(0)
        : entry.u32(0) & 0x0fffffff;
  return value >= 2 && value < 2 ** Math.min(bits, 28) - 16 ? value : null;
};

const chainEntries = async (region: Region, places: FatPlaces, first: number): Promise<FatEntry[]> => {
  const entries: FatEntry[] = [];
  let cluster: number | null = first;
  for (let count = 0; cluster !== null && count < mostClusters; count += 1) {
    if (cluster < 2 || cluster > places.clusters + 1) break;
    entries.push(
      ...entriesIn(await region.read(places.data + (cluster - 2) * places.cluster, places.cluster)),
    );
    cluster = await nextCluster(region, places, cluster);
  }
  return entries;
};

/** What lies in a folder, by the names from the root on; empty when there is no such folder. */
export const fatFolder = async (
  region: Region,
  places: FatPlaces,
  path: readonly string[],
): Promise<FatEntry[]> => {
  const { root } = places;
  let entries =
    'cluster' in root
      ? await chainEntries(region, places, root.cluster)
      : entriesIn(await region.read(root.at, root.length));
  for (const name of path) {
    const folder = entries.find((entry) => entry.isFolder && entry.name === name);
    if (folder === undefined) return [];
    entries = await chainEntries(region, places, folder.cluster);
  }
  return entries;
};

const serialOf = (serial: number): string | null =>
  serial === 0
    ? null
    : serial
        .toString(16)
        .padStart(8, '0')
        .toUpperCase()
        .replace(/^(.{4})/, '$1-');

export const fat = async (region: Region): Promise<FileSystem | null> => {
  const places = fatPlaces(region);
  if (places === null) return null;
  const { head } = region;
  const extended = places.kind === 'fat32' ? 66 : 38;
  const isExtended = head.u8(extended) === 0x29;
  // The entry in the root folder is what systems show; the one in the first sector stays as the disk was made.
  const entry = (await fatFolder(region, places, [])).find(({ isLabel }) => isLabel);
  const named = new Uint8Array([...(entry?.name ?? '')].map((letter) => letter.charCodeAt(0)));
  const inSector = isExtended ? head.text(extended + 5, 11) : null;
  const label = entry === undefined ? inSector : fieldsOf(named).text(0, 11);
  return {
    kind: places.kind,
    label: label === 'NO NAME' ? null : label,
    uuid: isExtended ? serialOf(head.u32(extended + 1)) : null,
    size: places.size,
    notes: [],
  };
};

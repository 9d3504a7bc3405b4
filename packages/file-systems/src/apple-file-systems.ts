import type { FileSystem } from './file-systems.types.ts';
import { type Region, sizeOf } from './region.ts';

const header = 1024;
const catalogExtent = header + 288;
const parentOfRoot = 1;

/** The first record of the catalog is the thread of the root folder, whose name is that of the volume. */
const volumeName = async (region: Region, blockSize: number): Promise<string | null> => {
  const catalog = region.head.u32be(catalogExtent) * blockSize;
  const first = await region.read(catalog, 512);
  const nodeSize = first.u16be(32);
  const leaf = await region.read(catalog + first.u32be(24) * nodeSize, 1024);
  const key = 14;
  if (leaf.u8(8) !== 0xff || leaf.u32be(key + 2) !== parentOfRoot) return null;
  return leaf.wide(key + 8, Math.min(255, leaf.u16be(key + 6)), true);
};

export const hfsPlus = async (region: Region): Promise<FileSystem | null> => {
  const { head } = region;
  const isKnown =
    (head.has(header, 'H+') && head.u16be(header + 2) === 4) ||
    (head.has(header, 'HX') && head.u16be(header + 2) === 5);
  const blockSize = head.u32be(header + 40);
  if (!isKnown || blockSize < 512 || (blockSize & (blockSize - 1)) !== 0) return null;
  const id = head.hex(header + 104, 8);
  return {
    kind: 'hfsplus',
    label: await volumeName(region, blockSize),
    uuid: /^0*$/.test(id) ? null : id.toUpperCase(),
    size: sizeOf(head.u32be(header + 44), blockSize),
    notes: [],
  };
};

export const apfs = ({ head }: Region): FileSystem | null =>
  head.has(32, 'NXSB')
    ? {
        kind: 'apfs',
        label: null,
        uuid: head.uuid(72),
        size: sizeOf(head.u64(40), head.u32(36)),
        notes: ['a container, which can hold several volumes'],
      }
    : null;

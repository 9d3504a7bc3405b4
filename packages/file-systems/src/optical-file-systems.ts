import type { BootWay, FileSystem } from './file-systems.types.ts';
import { type Fields, type Region, sizeOf } from './region.ts';

const block = 2048;
const firstDescriptor = 16 * block;
const mostDescriptors = 32;
const kinds = { boot: 0, primary: 1, supplementary: 2, end: 255 };

interface Descriptors {
  readonly primary: Fields | null;
  readonly joliet: Fields | null;
  readonly boot: Fields | null;
  readonly isUdf: boolean;
}

const jolietEscapes = ['%/@', '%/C', '%/E'];

/** The descriptors of an ISO, and behind them the words by which UDF announces itself. */
const descriptorsOf = async (region: Region): Promise<Descriptors> => {
  let found: Descriptors = { primary: null, joliet: null, boot: null, isUdf: false };
  for (let index = 0; index < mostDescriptors; index += 1) {
    const fields = await region.read(firstDescriptor + index * block, block);
    const name = fields.raw(1, 5);
    if (name === 'NSR02' || name === 'NSR03') found = { ...found, isUdf: true };
    if (!['CD001', 'BEA01', 'NSR02', 'NSR03', 'BOOT2'].includes(name)) break;
    if (name !== 'CD001') continue;
    const kind = fields.u8(0);
    if (kind === kinds.primary && found.primary === null) found = { ...found, primary: fields };
    if (kind === kinds.boot && fields.has(7, 'EL TORITO SPECIFICATION')) found = { ...found, boot: fields };
    const isJoliet =
      kind === kinds.supplementary && jolietEscapes.some((sequence) => fields.has(88, sequence));
    if (isJoliet) found = { ...found, joliet: fields };
  }
  return found;
};

const anchorSector = 256;

/** The name in the logical volume descriptor: its first byte says how it is written, its last how long it is. */
const udfLabel = async (region: Region): Promise<string | null> => {
  const anchor = await region.read(anchorSector * block, 512);
  if (anchor.u16(0) !== 2) return null;
  for (let index = 0; index < 16; index += 1) {
    const descriptor = await region.read((anchor.u32(20) + index) * block, 512);
    if (descriptor.u16(0) !== 6) continue;
    const length = Math.max(0, Math.min(126, descriptor.u8(84 + 127) - 1));
    return descriptor.u8(84) === 16
      ? descriptor.wide(85, Math.floor(length / 2), true)
      : descriptor.text(85, length);
  }
  return null;
};

const dated = (primary: Fields): string | null => {
  const digits = /^\d{16}$/.exec(primary.raw(813, 16))?.[0];
  if (digits === undefined || /^0+$/.test(digits)) return null;
  return digits.replace(/^(.{4})(..)(..)(..)(..)(..)(..)$/, '$1-$2-$3-$4-$5-$6-$7');
};

export const optical = async (region: Region): Promise<FileSystem | null> => {
  if (region.head.raw(firstDescriptor + 1, 5) !== 'CD001' && !region.head.has(firstDescriptor + 1, 'BEA01'))
    return null;
  const { primary, joliet, boot, isUdf } = await descriptorsOf(region);
  if (primary === null)
    return isUdf ? { kind: 'udf', label: await udfLabel(region), uuid: null, size: null, notes: [] } : null;
  const said = (what: string, at: number): string[] => {
    const text = primary.text(at, 128);
    return text === null || text.startsWith('_') ? [] : [`${what} ${text}`];
  };
  return {
    kind: 'iso9660',
    label: primary.text(40, 32) ?? joliet?.wide(40, 16, true) ?? null,
    uuid: dated(primary),
    size: sizeOf(primary.u32(80), primary.u16(128)),
    notes: [
      ...(joliet === null ? [] : ['Joliet']),
      ...(isUdf ? ['UDF'] : []),
      ...(boot === null ? [] : ['El Torito']),
      ...said('publisher', 318),
      ...said('made with', 574),
    ],
  };
};

const platforms: Readonly<Record<number, BootWay['firmware']>> = { 0: 'bios', 239: 'uefi' };
const bootable = 0x88;

/** The catalog: a validation entry, the first choice, then sections of other platforms. */
export const elTorito = async (region: Region): Promise<BootWay[]> => {
  const { boot } = await descriptorsOf(region);
  if (boot === null) return [];
  const catalog = await region.read(boot.u32(71) * block, block);
  if (catalog.u8(0) !== 1 || catalog.u16(30) !== 0xaa55) return [];
  const found = new Set<BootWay['firmware'] | undefined>();
  let platform = platforms[catalog.u8(1)];
  for (let at = 32; at < block; at += 32) {
    const indicator = catalog.u8(at);
    if (indicator === 0x90 || indicator === 0x91) platform = platforms[catalog.u8(at + 1)];
    else if (indicator === bootable) found.add(platform);
    else if (indicator !== 0x44) break;
  }
  return (['bios', 'uefi'] as const)
    .filter((firmware) => found.has(firmware))
    .map((firmware) => ({ firmware, by: 'El Torito, from a CD or DVD drive' }));
};

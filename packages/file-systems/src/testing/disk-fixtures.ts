import { memoryDisk, type TestDisk } from '@strata/partition-table/testing';

const mebibyte = 1024 ** 2;

type Piece = readonly [at: number, bytes: Uint8Array | readonly number[] | string];

const bytesOf = (piece: Piece[1]): Uint8Array =>
  typeof piece === 'string'
    ? Uint8Array.from(piece, (letter) => letter.charCodeAt(0))
    : Uint8Array.from(piece);

/** A disk of zeros with these pieces on it. */
export const diskWith = (pieces: readonly Piece[], size = 64 * mebibyte): TestDisk => {
  const disk = memoryDisk(size);
  disk.write(pieces.map(([offset, bytes]) => ({ offset, bytes: bytesOf(bytes) })));
  return disk;
};

/** A number of so many bytes, little-endian; with a minus before the count big-endian. */
export const number = (value: number, bytes: number): number[] => {
  const count = Math.abs(bytes);
  const little = Array.from({ length: count }, (_, index) => Math.floor(value / 256 ** index) % 256);
  return bytes < 0 ? little.reverse() : little;
};

export const wide = (text: string, isBigEndian = false): number[] =>
  [...text].flatMap((letter) => number(letter.charCodeAt(0), isBigEndian ? -2 : 2));

const uuidBytes = Array.from({ length: 16 }, (_, index) => index + 1);
export const uuid = '01020304-0506-0708-090a-0b0c0d0e0f10';
const bootMark: Piece = [510, [0x55, 0xaa]];

export const xfsDisk = (label = 'rootfs'): Piece[] => [
  [0, 'XFSB'],
  [4, number(4096, -4)],
  [8, number(16_384, -8)],
  [32, uuidBytes],
  [100, number(0x0004, -2)],
  [102, number(512, -2)],
  [104, number(256, -2)],
  [106, number(16, -2)],
  [108, label],
  [120, [12, 9, 8, 4]],
];

export const btrfsDisk = (): Piece[] => {
  const at = 65_536;
  return [
    [at + 32, uuidBytes],
    [at + 48, number(at, 8)],
    [at + 64, '_BHRfS_M'],
    [at + 112, number(64 * mebibyte, 8)],
    [at + 299, 'data'],
  ];
};

export const f2fsDisk = (): Piece[] => [
  [1024, number(0xf2f52010, 4)],
  [1028, [...number(1, 2), ...number(16, 2)]],
  [1040, number(12, 4)],
  [1024 + 36, number(16_384, 8)],
  [1024 + 108, uuidBytes],
  [1024 + 124, wide('phone')],
];

export const squashfsDisk = (): Piece[] => [
  [0, 'hsqs'],
  [20, number(1, 2)],
  [28, number(4, 2)],
  [40, number(4096, 8)],
];

export const ntfsDisk = (label = 'Data Ω', code = ''): Piece[] => {
  const record = (16 + 3 * 2) * 512;
  const name = wide(label);
  return [
    [0, [0xeb, 0x52, 0x90]],
    [3, 'NTFS    '],
    [11, number(512, 2)],
    [13, [8]],
    [21, [0xf8]],
    [40, number(131_071, 8)],
    [48, number(2, 8)],
    [56, number(4, 8)],
    [64, [0xf6, 0, 0, 0, 1]],
    [72, number(0x1122334455, 8)],
    [100, code],
    bootMark,
    [2 * 4096, 'FILE'],
    [record, 'FILE'],
    [record + 20, number(56, 2)],
    [record + 22, number(1, 2)],
    [record + 24, number(56 + 24 + name.length + 8, 4)],
    [record + 28, number(1024, 4)],
    [record + 56, number(0x60, 4)],
    [record + 60, number(24 + name.length, 4)],
    [record + 72, number(name.length, 4)],
    [record + 76, number(24, 2)],
    [record + 80, name],
    [record + 80 + name.length, number(0xffffffff, 4)],
  ];
};

export const exfatDisk = (): Piece[] => [
  [0, [0xeb, 0x76, 0x90]],
  [3, 'EXFAT   '],
  [72, number(131_072, 8)],
  [80, number(128, 4)],
  [84, number(128, 4)],
  [88, number(256, 4)],
  [92, number(16_000, 4)],
  [96, number(4, 4)],
  [100, number(0xcafe0123, 4)],
  [104, number(0x0100, 2)],
  [108, [9, 3, 1]],
  bootMark,
  [256 * 512 + 2 * 4096, [0x83, 5]],
  [256 * 512 + 2 * 4096 + 2, wide('Stick')],
];

interface FatFolder {
  readonly [name: string]: FatFolder | null;
}

const cluster = 512;

/** FAT12, 16 or 32 by the number of clusters, with folders in clusters of their own. */
export const fatDisk = (
  sectors: number,
  { label = 'EFI', folders = {} }: { readonly label?: string; readonly folders?: FatFolder } = {},
): Piece[] => {
  const isFat32 = sectors > 66_000;
  const tableSectors = isFat32 ? 1024 : 256;
  const reserved = 32;
  const rootAt = (reserved + tableSectors) * 512;
  const dataAt = rootAt + (isFat32 ? 0 : 512 * 32);
  const pieces: Piece[] = [];
  let next = isFat32 ? 3 : 2;
  const writeFolder = (at: number, folder: FatFolder, first: readonly Piece[1][]): void => {
    let place = at;
    for (const entry of first) {
      pieces.push([place, entry]);
      place += 32;
    }
    for (const [name, inside] of Object.entries(folder)) {
      const [stem = '', ending = ''] = name.split('.');
      const own = inside === null ? 0 : next;
      if (stem.length > 8) {
        const units = wide(name.padEnd(13, '\0'));
        const at = place;
        pieces.push([at, [0x41]], [at + 11, [0x0f]], [at + 1, units.slice(0, 10)]);
        pieces.push([at + 14, units.slice(10, 22)], [at + 28, units.slice(22, 26)]);
        place += 32;
      }
      pieces.push(
        [place, (stem.length > 8 ? `${stem.slice(0, 6)}~1` : stem.padEnd(8)) + ending.padEnd(3)],
        [place + 11, [inside === null ? 0x20 : 0x10]],
      );
      pieces.push([place + 20, number(Math.floor(own / 65_536), 2)], [place + 26, number(own % 65_536, 2)]);
      place += 32;
      if (inside === null) continue;
      next += 1;
      writeFolder(dataAt + (own - 2) * cluster, inside, []);
    }
  };
  const volume = Uint8Array.from([...label.padEnd(11)].map((letter) => letter.charCodeAt(0)).concat(0x08));
  writeFolder(isFat32 ? dataAt : rootAt, folders, [volume]);
  const extended = isFat32 ? 64 : 36;
  return [
    [0, [0xeb, 0x58, 0x90]],
    [3, 'mkfs.fat'],
    [11, number(512, 2)],
    [13, [cluster / 512]],
    [14, number(reserved, 2)],
    [16, [1]],
    [17, number(isFat32 ? 0 : 512, 2)],
    [19, number(sectors < 65_536 ? sectors : 0, 2)],
    [21, [0xf8]],
    [22, number(isFat32 ? 0 : tableSectors, 2)],
    [32, number(sectors < 65_536 ? 0 : sectors, 4)],
    ...(isFat32
      ? ([
          [36, number(tableSectors, 4)],
          [44, number(2, 4)],
        ] satisfies Piece[])
      : []),
    [extended + 2, [0x29]],
    [extended + 3, number(0x1234abcd, 4)],
    [extended + 7, 'NO NAME    '],
    [extended + 18, isFat32 ? 'FAT32   ' : sectors > 20_000 ? 'FAT16   ' : 'FAT12   '],
    bootMark,
    [reserved * 512, isFat32 ? [0xf8, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f] : [0xf8, 0xff, 0xff, 0xff]],
    // Every cluster is the end of its chain.
    ...(isFat32
      ? ([
          [reserved * 512 + 8, Array.from({ length: 64 }, () => number(0x0fffffff, 4)).flat()],
        ] satisfies Piece[])
      : ([[reserved * 512 + 3, new Uint8Array(64).fill(0xff)]] satisfies Piece[])),
    ...pieces,
  ];
};

export const bitLockerDisk = (): Piece[] => [
  [0, [0xeb, 0x58, 0x90]],
  [3, '-FVE-FS-'],
  [11, number(512, 2)],
  bootMark,
];

const isoDescriptor = (index: number, kind: number, pieces: readonly Piece[]): Piece[] => {
  const at = (16 + index) * 2048;
  return [
    [at, [kind]],
    [at + 1, 'CD001'],
    [at + 6, [1]],
    ...pieces.map(([place, bytes]): Piece => [at + place, bytes]),
  ];
};

/** An installation medium as distributions make them: Joliet, bootable by both firmwares. */
export const isoDisk = (label = 'Debian 12.5.0 amd64 n'): Piece[] => [
  ...isoDescriptor(0, 1, [
    [40, label.padEnd(32)],
    [80, [...number(1000, 4), ...number(1000, -4)]],
    [128, [...number(2048, 2), ...number(2048, -2)]],
    [318, 'DEBIAN'.padEnd(128)],
    [574, 'XORRISO-1.5.4'.padEnd(128)],
    [813, '2024021011272600\0'],
  ]),
  ...isoDescriptor(1, 0, [
    [7, 'EL TORITO SPECIFICATION'],
    [71, number(40, 4)],
  ]),
  ...isoDescriptor(2, 2, [
    [40, wide('Debian 12', true)],
    [88, '%/E'],
  ]),
  ...isoDescriptor(3, 255, []),
  [40 * 2048, [1, 0]],
  [40 * 2048 + 30, [0x55, 0xaa, 0x88]],
  [40 * 2048 + 64, [0x91, 0xef, 1, 0]],
  [40 * 2048 + 96, [0x88]],
];

export const udfDisk = (): Piece[] => [
  [16 * 2048, '\0BEA01\x01'],
  [17 * 2048, '\0NSR02\x01'],
  [18 * 2048, '\0TEA01\x01'],
  [256 * 2048, number(2, 2)],
  [256 * 2048 + 16, [...number(16 * 2048, 4), ...number(257, 4)]],
  [257 * 2048, number(1, 2)],
  [258 * 2048, number(6, 2)],
  [258 * 2048 + 84, '\x08MOVIES'],
  [258 * 2048 + 84 + 127, [7]],
];

export const hfsPlusDisk = (): Piece[] => {
  const catalog = 8 * 4096;
  const leaf = catalog + 4096;
  return [
    [1024, 'H+'],
    [1026, number(4, -2)],
    [1024 + 40, number(4096, -4)],
    [1024 + 44, number(16_384, -4)],
    [1024 + 104, [1, 2, 3, 4, 5, 6, 7, 8]],
    [1024 + 288, [...number(8, -4), ...number(4, -4)]],
    [catalog + 8, [1]],
    [catalog + 20, number(1, -4)],
    [catalog + 24, number(1, -4)],
    [catalog + 32, number(4096, -2)],
    [leaf + 8, [0xff, 1]],
    [leaf + 10, number(1, -2)],
    [leaf + 14, [...number(22, -2), ...number(1, -4), ...number(8, -2), ...wide('Mac Disk', true)]],
    [leaf + 4094, number(14, -2)],
  ];
};

export const apfsDisk = (): Piece[] => [
  [32, 'NXSB'],
  [36, number(4096, 4)],
  [40, number(16_384, 8)],
  [72, uuidBytes],
];

export const luksDisk = (version: 1 | 2): Piece[] => [
  [0, [...bytesOf('LUKS'), 0xba, 0xbe]],
  [6, number(version, -2)],
  [8, version === 2 ? number(16_384, -8) : 'aes'],
  [24, version === 2 ? 'secret' : ''],
  [168, uuid],
];

export const lvmDisk = (): Piece[] => [
  [512, 'LABELONE'],
  [520, number(1, 8)],
  [532, number(32, 4)],
  [536, 'LVM2 001'],
  [544, 'abcdefghijklmnopqrstuvwxyzABCDEF'],
  [576, number(64 * mebibyte, 8)],
  [4100, ' LVM2 x[5A%r0N*>'],
  [4096 + 40, number(512, 8)],
  [4608, 'vg_data {\nid = "x"\n'],
];

export const raidDisk = (): Piece[] => [
  [4096, number(0xa92b4efc, 4)],
  [4100, number(1, 4)],
  [4112, uuidBytes],
  [4128, 'host:0'],
];

export const zfsDisk = (): Piece[] => [
  [131_072, number(0x00bab10c, 8)],
  [16_384, [1, 1, 0, 0]],
  [16_500, [0, 0, 0, 4, ...bytesOf('name'), 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 4, ...bytesOf('tank')]],
];

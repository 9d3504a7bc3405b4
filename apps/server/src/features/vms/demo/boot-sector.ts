/**
 * The demo guest: one boot sector, in real mode, on the services of the BIOS alone. At each boot it adds one to
 * a counter in the second sector of its disk and shows it on the screen and on COM1. It answers the ACPI power
 * button, so that "Shut down" works. The bytes stand beside the instructions they encode; the test assembles
 * the instructions again and compares.
 */
export interface BootLine {
  readonly bytes: Buffer;
  /** GNU assembler, Intel syntax: an instruction or a `.ascii`; a label ends in a colon and has no bytes. */
  readonly source: string;
  readonly note?: string;
}

const code = (hex: string, source: string, note?: string): BootLine => ({
  bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex'),
  source,
  ...(note === undefined ? {} : { note }),
});
const label = (name: string): BootLine => ({ bytes: Buffer.alloc(0), source: `${name}:` });
const text = (words: string): BootLine => ({
  bytes: Buffer.from(`${words}\0`, 'latin1'),
  source: `.ascii "${words.replaceAll('\r', '\\r').replaceAll('\n', '\\n')}\\0"`,
});

/** Loaded by the BIOS at 0x7c00; the counter's sector is read to 0x7e00, straight behind it. */
export const bootProgram: readonly BootLine[] = [
  label('start'),
  code('31 c0', 'xor ax,ax'),
  code('8e d8', 'mov ds,ax'),
  code('8e c0', 'mov es,ax'),
  code('8e d0', 'mov ss,ax'),
  code('bc 00 7c', 'mov sp,0x7c00', 'the stack grows down from the code'),
  code('fc', 'cld'),
  code('fb', 'sti'),
  code('89 d5', 'mov bp,dx', 'DL: the drive the BIOS started us from'),
  code('b8 e3 00', 'mov ax,0x00e3', 'COM1: 9600 baud, 8 bits, no parity'),
  code('31 d2', 'xor dx,dx'),
  code('cd 14', 'int 0x14'),
  code('b8 01 00', 'mov ax,0x0001', 'text, 40 × 25: letters big enough to read'),
  code('cd 10', 'int 0x10'),
  code('b8 00 06', 'mov ax,0x0600', 'clear the screen …'),
  code('b7 1e', 'mov bh,0x1e', '… yellow on blue'),
  code('31 c9', 'xor cx,cx'),
  code('ba 27 18', 'mov dx,0x1827', 'rows 0–24, columns 0–39'),
  code('cd 10', 'int 0x10'),
  code('ba 02 06', 'mov dx,0x602', 'PM1_EN of the ACPI block (SeaBIOS puts it at 0x600)'),
  code('b8 00 01', 'mov ax,0x0100', 'let the power button set its bit'),
  code('ef', 'out dx,ax'),
  code('be bd 7c', 'mov si,0x7c00+(heading-start)'),
  code('e8 7e 00', 'call print'),
  code('b8 01 02', 'mov ax,0x0201', 'BIOS: read one sector'),
  code('e8 44 00', 'call sector'),
  code('72 3a', 'jc broken'),
  code('ff 06 00 7e', 'inc word ptr [0x7e00]', 'one more boot'),
  code('b8 01 03', 'mov ax,0x0301', 'BIOS: write one sector'),
  code('e8 38 00', 'call sector'),
  code('72 2e', 'jc broken'),
  code('a1 00 7e', 'mov ax,[0x7e00]', 'the counter, as a word'),
  code('e8 3d 00', 'call number'),
  code('be ef 7c', 'mov si,0x7c00+(explanation-start)'),
  code('e8 5e 00', 'call print'),
  label('idle'),
  code('f4', 'hlt', 'sleep until the next interrupt: an idle guest costs nothing'),
  code('ba 00 06', 'mov dx,0x600', 'PM1_STS'),
  code('ed', 'in ax,dx'),
  code('f6 c4 01', 'test ah,1', 'bit 8: the power button was pressed'),
  code('75 0f', 'jnz off'),
  code('b4 01', 'mov ah,1', 'BIOS: is a key waiting?'),
  code('cd 16', 'int 0x16'),
  code('74 f0', 'jz idle'),
  code('30 e4', 'xor ah,ah'),
  code('cd 16', 'int 0x16'),
  code('e8 32 00', 'call put'),
  code('eb e7', 'jmp idle'),
  label('off'),
  code('ba 04 06', 'mov dx,0x604', 'PM1_CNT'),
  code('b8 00 20', 'mov ax,0x2000', 'SLP_EN with sleep type 0: soft off'),
  code('ef', 'out dx,ax'),
  code('eb de', 'jmp idle'),
  label('broken'),
  code('be 82 7d', 'mov si,0x7c00+(trouble-start)'),
  code('e8 36 00', 'call print'),
  code('eb d6', 'jmp idle'),
  label('sector'),
  code('bb 00 7e', 'mov bx,0x7e00', 'the buffer: behind this code'),
  code('b9 02 00', 'mov cx,0x0002', 'cylinder 0, sector 2: behind the boot sector'),
  code('89 ea', 'mov dx,bp'),
  code('30 f6', 'xor dh,dh'),
  code('cd 13', 'int 0x13'),
  code('c3', 'ret'),
  label('number'),
  code('31 d2', 'xor dx,dx'),
  code('bb 0a 00', 'mov bx,10'),
  code('f7 f3', 'div bx', 'the lowest digit is the remainder'),
  code('52', 'push dx'),
  code('85 c0', 'test ax,ax'),
  code('74 03', 'jz digit'),
  code('e8 f1 ff', 'call number'),
  label('digit'),
  code('58', 'pop ax'),
  code('04 30', 'add al,0x30', "'0' + digit"),
  label('put'),
  code('50', 'push ax'),
  code('53', 'push bx'),
  code('b4 0e', 'mov ah,0x0e', 'BIOS: letter on the screen'),
  code('31 db', 'xor bx,bx'),
  code('cd 10', 'int 0x10'),
  code('5b', 'pop bx'),
  code('58', 'pop ax'),
  code('50', 'push ax'),
  code('52', 'push dx'),
  code('b4 01', 'mov ah,1', 'BIOS: letter to COM1'),
  code('31 d2', 'xor dx,dx'),
  code('cd 14', 'int 0x14'),
  code('5a', 'pop dx'),
  code('58', 'pop ax'),
  code('c3', 'ret'),
  label('print'),
  code('ac', 'lodsb', 'the next letter, up to a zero byte'),
  code('84 c0', 'test al,al'),
  code('74 05', 'jz done'),
  code('e8 e3 ff', 'call put'),
  code('eb f6', 'jmp print'),
  label('done'),
  code('c3', 'ret'),
  label('heading'),
  text('\r\n  STRATA DEMO\r\n\r\n  Boots counted on this disk: '),
  label('explanation'),
  text(
    '\r\n\r\n  The number lives in one sector of the\r\n  disk. Take a snapshot, reset, revert:\r\n  the number goes back with the layer.\r\n\r\n  Type something: ',
  ),
  label('trouble'),
  text('\r\n  The disk does not answer.\r\n'),
];

export const sectorSize = 512;
/** The byte of the disk at which the counter stands, as a 16-bit little-endian number. */
export const counterOffset = sectorSize;

/** The first sector of a disk: the program, padding, and the mark by which the BIOS knows it. */
export const bootSector = (): Buffer => {
  const program = Buffer.concat(bootProgram.map((line) => line.bytes));
  const sector = Buffer.alloc(sectorSize);
  program.copy(sector);
  sector.writeUInt16LE(0xaa55, sectorSize - 2);
  return sector;
};

import { writeFileSync } from 'node:fs';

/** 16-bit code at 7C00h; the ports are those of the power management of both chipsets (base 600h). */
const program = [
  ...[0xb0, 0xff, 0xe6, 0xa1], // mov al, ffh; out a1h, al: the interrupt of the button is nobody's here
  ...[0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef], // mov dx, 602h; mov ax, 100h; out dx, ax: the button counts
  ...[0xfb, 0xf4], // again: sti; hlt: until the next tick of the timer
  ...[0xba, 0x00, 0x06, 0xed], // mov dx, 600h; in ax, dx
  ...[0xf6, 0xc4, 0x01, 0x74, 0xf5], // test ah, 1; jz again
  ...[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef], // mov dx, 604h; mov ax, 2000h; out dx, ax: off
  ...[0xf4, 0xeb, 0xfd], // hlt; jmp hlt
];

/** A raw disk with the smallest guest that shuts down when it is asked to. */
export const writePowerButtonGuest = (path: string): void => {
  const disk = Buffer.alloc(1024 ** 2);
  Buffer.from(program).copy(disk);
  disk.writeUInt16BE(0x55aa, 510);
  writeFileSync(path, disk);
};

import { existsSync } from 'node:fs';
import { AppError } from '../app-error.ts';

export interface UefiFiles {
  readonly code: string;
  /** The empty variable store that each VM gets a copy of. */
  readonly varsTemplate: string;
}

/** Where distributions keep them: Debian and Ubuntu, Fedora, Arch, openSUSE; newer layouts first. */
const places: Readonly<Record<string, readonly (readonly [code: string, vars: string])[]>> = {
  x86_64: [
    ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
    ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
    ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
    ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
    ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
  ],
  i386: [['/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd', '/usr/share/OVMF/OVMF32_VARS_4M.fd']],
  aarch64: [
    ['/usr/share/AAVMF/AAVMF_CODE.fd', '/usr/share/AAVMF/AAVMF_VARS.fd'],
    ['/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw', '/usr/share/edk2/aarch64/vars-template-pflash.raw'],
  ],
  riscv64: [
    ['/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd', '/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd'],
  ],
};

export const findUefi = (arch: string, exists: (path: string) => boolean = existsSync): UefiFiles => {
  const found = (places[arch] ?? []).find(([code, vars]) => exists(code) && exists(vars));
  if (found !== undefined) return { code: found[0], varsTemplate: found[1] };
  throw new AppError(
    'tool-missing',
    `The UEFI firmware for ${arch} guests is not installed. Install the package "ovmf" (Debian, Ubuntu; "qemu-efi-aarch64" for ARM), "edk2-ovmf" (Fedora, Arch), or choose BIOS.`,
  );
};

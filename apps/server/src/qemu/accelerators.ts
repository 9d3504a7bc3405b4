import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

export interface KvmVerdict {
  readonly usable: boolean;
  readonly reason: string;
  readonly remedy?: string;
}

/** What is looked at; replaced in tests. */
export interface KvmProbe {
  /** The error code of opening /dev/kvm for reading and writing; null when it opens. */
  openDevice(): string | null;
  cpuFlags(): ReadonlySet<string>;
  /** As Node names it. */
  readonly hostArch: string;
  readonly user: string;
}

export const hostProbe: KvmProbe = {
  openDevice: () => {
    try {
      closeSync(openSync('/dev/kvm', constants.O_RDWR));
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'EIO';
    }
  },
  cpuFlags: () => {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return new Set(line?.[1]?.trim().split(/\s+/) ?? []);
  },
  hostArch: process.arch,
  user: userInfo().username,
};

/** The guests a host of this kind can run with KVM. */
const nativeGuests: Readonly<Record<string, readonly string[]>> = {
  x64: ['x86_64', 'i386'],
  arm64: ['aarch64'],
  riscv64: ['riscv64'],
};

/** Whether KVM can really run guests here: the device opens *and* the processor can do it. */
export const kvmOnHost = (probe: KvmProbe = hostProbe): KvmVerdict => {
  const error = probe.openDevice();
  if (error === 'EACCES' || error === 'EPERM')
    return {
      usable: false,
      reason: 'KVM is there, but your user may not open /dev/kvm.',
      remedy: `sudo usermod -aG kvm ${probe.user}   # then log in again`,
    };
  if (error === 'ENOENT')
    return {
      usable: false,
      reason:
        'There is no /dev/kvm: the module is not loaded, virtualization is switched off in the firmware setup, or this host is itself a guest without nesting.',
      remedy: 'sudo modprobe kvm_intel || sudo modprobe kvm_amd',
    };
  if (error !== null) return { usable: false, reason: `/dev/kvm does not open (${error}).` };
  if (probe.hostArch === 'x64') {
    const flags = probe.cpuFlags();
    if (!flags.has('vmx') && !flags.has('svm'))
      return {
        usable: false,
        reason:
          'The processor shows no virtualization (neither vmx nor svm): it is switched off in the firmware setup, or this host is itself a guest without nesting.',
      };
  }
  return { usable: true, reason: 'KVM runs guests at nearly the speed of the host.' };
};

export interface AcceleratorChoice {
  readonly kind: 'kvm' | 'tcg';
  readonly reason: string;
}

/** What `auto` means for a guest of this architecture; `kvm` and `tcg` are taken at their word. */
export const chooseAccelerator = (
  wish: 'auto' | 'kvm' | 'tcg',
  arch: string,
  kvm: KvmVerdict,
  hostArch: string = process.arch,
): AcceleratorChoice => {
  if (wish === 'tcg') return { kind: 'tcg', reason: 'Chosen: QEMU translates the guest’s instructions.' };
  if (wish === 'kvm') return { kind: 'kvm', reason: `Chosen. ${kvm.reason}` };
  if (nativeGuests[hostArch]?.includes(arch) !== true)
    return {
      kind: 'tcg',
      reason: `This host’s processor cannot run ${arch} guests by itself: QEMU translates.`,
    };
  return kvm.usable ? { kind: 'kvm', reason: kvm.reason } : { kind: 'tcg', reason: kvm.reason };
};

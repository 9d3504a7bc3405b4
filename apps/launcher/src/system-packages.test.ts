import { describe, expect, it } from 'vitest';
import { distributionFamily, installLine } from './system-packages.mjs';

describe('system packages', () => {
  it.each([
    ['ID=debian\n', 'debian'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'debian'],
    ['ID=fedora\n', 'fedora'],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'fedora'],
    ['ID=arch\n', 'arch'],
    ['ID=manjaro\nID_LIKE=arch\n', 'arch'],
    ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', 'suse'],
    ['ID=plan9\n', null],
    ['', null],
  ])('tells the family of %j', (osRelease, family) => {
    expect(distributionFamily(osRelease)).toBe(family);
  });

  it('gives the exact line to run, with the names of the distribution', () => {
    expect(installLine('debian', ['qemu'])).toBe(
      'sudo apt-get install -y --no-install-recommends qemu-system-x86 qemu-utils',
    );
    expect(installLine('fedora', ['qemu', 'uefi'])).toBe(
      'sudo dnf install -y qemu-system-x86-core qemu-img edk2-ovmf',
    );
    expect(installLine('arch', ['qemu'])).toBe('sudo pacman -S --noconfirm --needed qemu-base qemu-tools');
  });
});

import { expect, it } from 'vitest';
import { architectures, createCapabilities, installHint } from './capabilities.ts';

it.each([
  ['x86_64', 'qemu-system-x86 '],
  ['i386', 'qemu-system-x86 '],
  ['aarch64', 'qemu-system-arm '],
  ['riscv64', 'qemu-system-misc '],
])('names the package of Debian that has the QEMU for %s', (arch, name) => {
  expect(architectures).toContain(arch);
  expect(installHint(arch)).toContain(`apt-get install ${name}`);
});

it('says so when the QEMU of an architecture is not installed', async () => {
  await expect(createCapabilities('/nonexistent').target('aarch64')).rejects.toMatchObject({
    code: 'qemu-missing',
    message: expect.stringContaining('dnf install qemu-system-aarch64'),
  });
});

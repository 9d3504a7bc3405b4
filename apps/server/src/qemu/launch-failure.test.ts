import { describe, expect, it } from 'vitest';
import { launchFailure } from './launch-failure.ts';

const of = async (stderr: string): Promise<{ code: string; detail: string }> => {
  const error = await launchFailure(stderr, 'exit code 1');
  expect(error.extras.stderr).toBe(stderr.trim());
  return { code: error.code, detail: error.message };
};

describe('a QEMU that ends instead of starting', () => {
  it('is a taken port, with the port', async () => {
    const { code, detail } = await of(
      "qemu: -netdev user,id=net0: Could not set up host forwarding rule 'tcp:127.0.0.1:2222-:22'\n",
    );
    expect(code).toBe('port-taken');
    expect(detail).toContain('2222');
    expect(detail).toContain('127.0.0.1');
  });

  it('is an address that is not the host’s, with those that are', async () => {
    const { code, detail } = await of(
      "qemu: -netdev user,id=net0: Could not set up host forwarding rule 'tcp:192.0.2.7:8080-:80'\n",
    );
    expect(code).toBe('not-possible');
    expect(detail).toContain('192.0.2.7: that is not an address of this host');
    expect(detail).toContain('127.0.0.1');
  });

  it('is a locked image, with the file', async () => {
    const { code, detail } = await of(
      'qemu: -device x: Failed to get "write" lock\nIs another process using the image [/data/a b.qcow2]?\n',
    );
    expect(code).toBe('image-locked');
    expect(detail).toContain('/data/a b.qcow2');
  });

  it.each([
    ["qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", 'out-of-memory'],
    [
      'Could not access KVM kernel module: Permission denied\nqemu: failed to initialize kvm: Permission denied',
      'not-possible',
    ],
    ["qemu: -blockdev x: Could not open '/data/a.qcow2': No such file or directory", 'image-unreadable'],
    ['qemu: -device virtio-net-pci: failed to find romfile "efi-virtio.rom"', 'tool-missing'],
    ['qemu: -blockdev x: Could not write: No space left on device', 'disk-full'],
    ["qemu: -device foo: 'foo' is not a valid device model name", 'qemu-refused'],
  ])('translates %j to %s', async (stderr, code) => {
    expect((await of(stderr)).code).toBe(code);
  });

  it('repeats QEMU’s first words that are not a warning when it is no known case', async () => {
    const { detail } = await of('qemu: warning: something\nqemu: -foo: invalid option');
    expect(detail).toContain('-foo: invalid option');
    expect(detail).not.toContain('warning');
  });
});

import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../app-error.ts';
import { kvmOnHost } from '../../accelerators.ts';
import { findProgram, qemuEnvironment } from '../../capabilities.ts';

const packages =
  'Install it: "apt-get install guestfish" (Debian, Ubuntu), "dnf install guestfs-tools" (Fedora), "pacman -S libguestfs" (Arch), "zypper install guestfs-tools" (openSUSE).';

export const hasGuestfish = (): boolean => findProgram('guestfish') !== null;

export const guestfishMissing = (): AppError =>
  new AppError(
    'tool-missing',
    `guestfish is not installed: libguestfs reads the file systems of guests, in an appliance of its own. ${packages}`,
  );

/** A person's own: an appliance that was made elsewhere, or where the ones made here are kept. */
const kept = ['LIBGUESTFS_PATH', 'LIBGUESTFS_CACHEDIR'] as const;

/**
 * For one process. Its appliance is QEMU itself, without libvirt. A /dev/kvm that opens but runs no guest would let it
 * hang for ever, so Strata's own rule decides.
 */
export const applianceEnvironment = (folder: string, cache: string): Record<string, string> => ({
  ...qemuEnvironment(),
  LIBGUESTFS_CACHEDIR: cache,
  ...Object.fromEntries(
    kept.flatMap((name) => {
      const value = process.env[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  ),
  LIBGUESTFS_BACKEND: 'direct',
  ...(kvmOnHost().usable ? {} : { LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' }),
  TMPDIR: folder,
});

const canRead = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );

/** Where the kernels of distributions lie. */
const kernelFiles = async (): Promise<string[]> => {
  const inBoot = (await readdir('/boot').catch((): string[] => []))
    .filter((name) => /^vmlinu[xz]-/.test(name))
    .map((name) => join('/boot', name));
  const releases = await readdir('/lib/modules').catch((): string[] => []);
  const inModules: string[] = [];
  for (const release of releases) {
    const path = join('/lib/modules', release, 'vmlinuz');
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      inModules.push(path);
  }
  return [...inBoot, ...inModules];
};

/** Why no appliance could be made of this machine's kernel: the usual reasons that libguestfs does not tell. */
export const kernelProblem = async (): Promise<string | null> => {
  const kernels = await kernelFiles();
  const [first] = kernels;
  if (first === undefined)
    return 'It starts a kernel of this machine, and there is none in /boot. Install one, for instance "apt-get install linux-image-cloud-amd64" (Debian).';
  if ((await Promise.all(kernels.map(canRead))).some((readable) => readable)) return null;
  return `It starts a kernel of this machine, and your user may not read ${first} (so it is on Ubuntu). Allow it: "sudo chmod 0644 /boot/vmlinuz-*", again after each update of the kernel.`;
};

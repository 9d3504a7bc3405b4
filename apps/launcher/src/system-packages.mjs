import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { run, which } from './run.mjs';
import { say } from './say.mjs';

/**
 * What Strata needs from the system, how its presence is seen, and what the package is called by each family of
 * distributions. Only the Debian names have been run; the others are from the distributions' package lists.
 */
const needs = {
  qemu: {
    what: 'QEMU and its tools',
    present: () => ['qemu-system-x86_64', 'qemu-img', 'qemu-storage-daemon'].every(which),
    packages: {
      debian: ['qemu-system-x86', 'qemu-utils'],
      fedora: ['qemu-system-x86-core', 'qemu-img'],
      arch: ['qemu-base', 'qemu-tools'],
      suse: ['qemu-x86', 'qemu-tools'],
    },
  },
  uefi: {
    what: 'UEFI firmware for VMs',
    present: () =>
      ['/usr/share/OVMF', '/usr/share/edk2', '/usr/share/edk2-ovmf', '/usr/share/qemu/ovmf-x86_64.bin'].some(
        existsSync,
      ),
    packages: {
      debian: ['ovmf'],
      fedora: ['edk2-ovmf'],
      arch: ['edk2-ovmf'],
      suse: ['qemu-ovmf-x86_64'],
    },
  },
  unpackers: {
    what: 'xz and zstd (to take in compressed images)',
    present: () => ['xz', 'zstd'].every(which),
    packages: {
      debian: ['xz-utils', 'zstd'],
      fedora: ['xz', 'zstd'],
      arch: ['xz', 'zstd'],
      suse: ['xz', 'zstd'],
    },
  },
  imageMakers: {
    what: 'xorriso, mtools and e2fsprogs (to make ISOs, floppies and disks of files)',
    present: () => ['xorriso', 'mformat', 'mcopy', 'mke2fs', 'e2fsck', 'debugfs'].every(which),
    packages: {
      debian: ['xorriso', 'mtools', 'e2fsprogs'],
      fedora: ['xorriso', 'mtools', 'e2fsprogs'],
      arch: ['libisoburn', 'mtools', 'e2fsprogs'],
      suse: ['xorriso', 'mtools', 'e2fsprogs'],
    },
  },
  compiler: {
    what: 'a C++ compiler, make and Python (to build the SQLite binding)',
    present: () => ['g++', 'make', 'python3'].every(which),
    packages: {
      debian: ['g++', 'make', 'python3'],
      fedora: ['gcc-c++', 'make', 'python3'],
      arch: ['gcc', 'make', 'python'],
      suse: ['gcc-c++', 'make', 'python3'],
    },
  },
  assembler: {
    what: 'an assembler (the demo guest is checked against it)',
    present: () => ['as', 'objcopy'].every(which),
    packages: { debian: ['binutils'], fedora: ['binutils'], arch: ['binutils'], suse: ['binutils'] },
  },
  browser: {
    what: 'Chromium (browser tests)',
    present: () => ['chromium', 'chromium-browser'].some(which),
    packages: { debian: ['chromium'], fedora: ['chromium'], arch: ['chromium'], suse: ['chromium'] },
  },
  exportTools: {
    what: 'clients of exports (their tests)',
    present: () => ['nbdinfo', 'nbdcopy', 'fusermount3', 'openssl'].every(which),
    packages: {
      debian: ['libnbd-bin', 'fuse3', 'openssl'],
      fedora: ['libnbd', 'fuse3', 'openssl'],
      arch: ['libnbd', 'fuse3', 'openssl'],
      suse: ['libnbd', 'fuse3', 'openssl'],
    },
  },
  guestFiles: {
    what: 'guestfish, of libguestfs (tests that look inside images)',
    present: () => which('guestfish') !== null,
    packages: {
      debian: ['guestfish'],
      fedora: ['guestfs-tools'],
      arch: ['libguestfs'],
      suse: ['guestfs-tools'],
    },
  },
  testGuest: {
    what: 'a small Linux kernel and busybox (the guest of the tests)',
    present: () =>
      which('busybox') !== null &&
      existsSync('/boot') &&
      readdirSync('/boot').some((name) => /^vmlinuz-.*-cloud-/.test(name)),
    packages: { debian: ['linux-image-cloud-amd64', 'busybox-static'] },
  },
};

const installers = {
  debian: {
    program: 'apt-get',
    refresh: ['update', '-qq'],
    install: ['install', '-y', '--no-install-recommends'],
    environment: { DEBIAN_FRONTEND: 'noninteractive' },
  },
  fedora: { program: 'dnf', install: ['install', '-y'] },
  arch: { program: 'pacman', install: ['-S', '--noconfirm', '--needed'] },
  suse: { program: 'zypper', install: ['--non-interactive', 'install'] },
};

/** The family of this distribution by os-release(5) (`ID`, then `ID_LIKE`), or null when it is none we know. */
export const distributionFamily = (osRelease = readOsRelease()) => {
  const value = (key) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const names = [value('ID'), ...value('ID_LIKE').split(' ')];
  const families = {
    debian: 'debian',
    ubuntu: 'debian',
    fedora: 'fedora',
    rhel: 'fedora',
    centos: 'fedora',
    arch: 'arch',
    suse: 'suse',
    opensuse: 'suse',
  };
  return names.map((name) => families[name.startsWith('opensuse') ? 'suse' : name]).find(Boolean) ?? null;
};

const readOsRelease = () => {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
};

/** The needs among `names` that this host does not meet. */
export const missingNeeds = (names) => names.filter((name) => !needs[name].present());

/** The packages of a family for these needs; empty when the family has none for them. */
export const packagesFor = (family, names) => names.flatMap((name) => needs[name].packages[family] ?? []);

/** The line a person can run by hand. */
export const installLine = (family, names) => {
  const { program, install } = installers[family];
  return ['sudo', program, ...install.filter((word) => word !== '-qq'), ...packagesFor(family, names)].join(
    ' ',
  );
};

/**
 * Installs what is missing, as root or through sudo, saying what. Answers whether everything is there now;
 * otherwise it has printed the exact line to run.
 */
export const ensureSystemPackages = async (names) => {
  const missing = missingNeeds(names);
  if (missing.length === 0) return true;
  const family = distributionFamily();
  const what = missing.map((name) => needs[name].what).join('; ');
  if (family === null || packagesFor(family, missing).length === 0) {
    say(`missing: ${what}. I do not know this system's packages for it: please install them by hand.`);
    return false;
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !(await mayUseSudo())) {
    say(`missing: ${what}. Please run this line, then start again:\n\n    ${installLine(family, missing)}\n`);
    return false;
  }
  return await install(family, missing, what, isRoot);
};

const mayUseSudo = async () => {
  if (which('sudo') === null) return false;
  // A terminal can ask for the password; without one only a password-less sudo helps.
  if (process.stdin.isTTY) return true;
  return (await run('sudo', ['-n', 'true'], { quiet: true })).code === 0;
};

const install = async (family, missing, what, isRoot) => {
  const { program, refresh, install: words, environment = {} } = installers[family];
  const packages = packagesFor(family, missing);
  say(`installing ${what}: ${packages.join(', ')} (${isRoot ? '' : 'sudo '}${program})`);
  const settings = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const elevated = (args) =>
    isRoot
      ? run(program, args, { env: { ...process.env, ...environment }, quiet: true })
      : run('sudo', [...settings, program, ...args], { stdio: ['inherit', 2, 2] });
  if (refresh) await elevated(refresh);
  const { code, output } = await elevated([...words, ...packages]);
  const left = missingNeeds(missing);
  if (code === 0 && left.length === 0) return true;
  say(`could not install ${packages.join(', ')}:\n${output.trim().split('\n').slice(-12).join('\n')}`);
  say(`Please run this line, then start again:\n\n    ${installLine(family, missing)}\n`);
  return left.length === 0;
};

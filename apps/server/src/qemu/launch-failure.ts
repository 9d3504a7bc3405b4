import { networkInterfaces } from 'node:os';
import { AppError } from '../app-error.ts';
import { isLoopback } from './argv/network.ts';
import { lockHolder } from './lock-holder.ts';
import { memoryRefusals } from './memory-refusals.ts';

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all = []) =>
    all.filter(({ family }) => family === 'IPv4').map(({ address }) => address),
  );
/** Of 127.0.0.0/8 every address is the host's own, and 0.0.0.0 stands for all of them. */
const isOfThisHost = (address: string): boolean =>
  address === '' || address === '0.0.0.0' || isLoopback(address) || ownAddresses().includes(address);

const portTaken = (stderr: string): AppError | null => {
  const match = /Could not set up host forwarding rule '(tcp|udp):([\d.]*):(\d+)-/.exec(stderr);
  if (match === null) return null;
  const [, protocol, address, port] = match;
  if (address !== undefined && !isOfThisHost(address))
    return new AppError(
      'not-possible',
      `Port ${port} (${protocol}) cannot be forwarded from ${address}: that is not an address of this host. Forward from 127.0.0.1, or from one of ${ownAddresses().join(', ')}.`,
      { stderr },
    );
  return new AppError(
    'port-taken',
    `Port ${port} (${protocol}) of ${address || 'this host'} cannot be forwarded: another program listens on it, or your user may not. Change the forward or end that program.`,
    { stderr },
  );
};

const imageLocked = async (stderr: string): Promise<AppError | null> => {
  if (!/Failed to get (shared )?"[\w ]+" lock/.test(stderr)) return null;
  const path = /Is another process using the image \[(.*)\]\?/.exec(stderr)?.[1];
  const holder = path === undefined ? null : await lockHolder(path);
  const by =
    holder === null ? 'another program' : `another program (process ${holder.pid}, ${holder.program})`;
  return new AppError(
    'image-locked',
    `The image ${path ?? 'of a disk'} is in use by ${by}. Close it there first.`,
    { stderr },
  );
};

type Known = readonly [pattern: RegExp, make: (match: RegExpExecArray, stderr: string) => AppError];
const known: readonly Known[] = [
  [
    /cannot set up guest memory.*Cannot allocate memory|Failed to allocate memory|cannot allocate memory/i,
    (_, stderr) =>
      new AppError(
        'out-of-memory',
        'The host has not enough memory for this VM. Give it less, or end other programs.',
        { stderr },
      ),
  ],
  [
    /(Could not access KVM kernel module|failed to initialize kvm|KVM is not available|ioctl\(KVM_)[^\n]*/i,
    (match, stderr) =>
      new AppError(
        'not-possible',
        `KVM cannot run this VM here (${match[0]}). Set the accelerator to "auto" or "tcg"; the Host page says why and what mends it.`,
        { stderr },
      ),
  ],
  [
    /failed to find romfile "([^"]+)"/,
    (match, stderr) =>
      new AppError(
        'tool-missing',
        `QEMU's file ${match[1]} is missing. Install the package "ipxe-qemu" (Debian, Ubuntu) or "ipxe-roms-qemu" (Fedora), or remove the network cards.`,
        { stderr },
      ),
  ],
  [
    /Could not open '([^']+)': No such file or directory/,
    (match, stderr) =>
      new AppError(
        'image-unreadable',
        `The file ${match[1]} is gone. Put it back, or remove the disk or medium from the VM.`,
        { stderr },
      ),
  ],
  [
    /Could not open '([^']+)': Permission denied/,
    (match, stderr) =>
      new AppError('image-unreadable', `Your user may not open the file ${match[1]}.`, { stderr }),
  ],
  [
    /could not load kernel '([^']+)'[^\n]*/,
    (match, stderr) =>
      new AppError('not-possible', `The kernel ${match[1]} cannot be loaded: ${match[0]}.`, { stderr }),
  ],
  [
    /bridge helper failed|failed to launch bridge helper|access denied by acl file/i,
    (_, stderr) =>
      new AppError(
        'not-possible',
        'The bridge could not be joined: QEMU’s bridge helper must be installed setuid root, and the bridge named in /etc/qemu/bridge.conf ("allow br0").',
        { stderr },
      ),
  ],
  [
    /could not configure \/dev\/net\/tun[^\n]*/,
    (match, stderr) =>
      new AppError(
        'not-possible',
        `The tap interface cannot be used (${match[0]}). Make it for your user: sudo ip tuntap add dev NAME mode tap user $USER.`,
        { stderr },
      ),
  ],
  ...memoryRefusals,
  [
    /No space left on device/,
    (_, stderr) => new AppError('disk-full', 'There is no space left for what QEMU must write.', { stderr }),
  ],
  [
    /UNIX socket path '([^']+)' is too long/,
    (match, stderr) =>
      new AppError(
        'path-too-long',
        `The socket path ${match[1]} is too long. Choose a shorter data folder.`,
        { stderr },
      ),
  ],
];

/** Says in words why QEMU ended instead of starting; QEMU's own words go along. */
export const launchFailure = async (stderr: string, exit: string): Promise<AppError> => {
  const words = stderr.trim();
  const special = portTaken(words) ?? (await imageLocked(words));
  if (special !== null) return special;
  for (const [pattern, make] of known) {
    const match = pattern.exec(words);
    if (match !== null) return make(match, words);
  }
  const first = words.split('\n').find((line) => !/: warning: /.test(line)) ?? '';
  return new AppError('qemu-refused', `QEMU ended at once (${exit})${first === '' ? '' : `: ${first}`}`, {
    stderr: words,
  });
};

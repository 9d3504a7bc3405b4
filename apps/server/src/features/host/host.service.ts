import { statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import type { Host, Problem } from '@strata/contract';
import type { KvmVerdict } from '../../qemu/accelerators.ts';
import { hostProblems } from './host-problems.ts';

export interface HostDeps {
  readonly version: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly capabilities: {
    targets(): Promise<
      ReadonlyArray<{
        readonly arch: string;
        readonly binary: string;
        readonly version: string;
        readonly machines: ReadonlyArray<{
          readonly name: string;
          readonly alias?: string;
          readonly default: boolean;
        }>;
        readonly cpus: readonly string[];
      }>
    >;
  };
  findTool(name: string): Promise<{ readonly path: string | null; readonly version: string | null }>;
  /** The UEFI firmware for the host's own kind of guests; null when it is not installed. */
  uefi(): string | null;
  kvm(): KvmVerdict;
  /** The library's folders. */
  folders(): readonly string[];
  /** Which disks are filling up, looked at now. */
  space(): Promise<readonly Problem[]>;
  isRoot(): boolean;
  /** What went wrong while Strata took up what it found; may grow while it starts. */
  readonly startProblems: readonly Problem[];
  /** Why there is no copy of the database of this day; null: there is, or it is not its time yet. */
  backupFailure(): string | null;
}

export interface HostService {
  get(): Promise<Host>;
}

/** Name → what is missing without it. */
const toolPurposes: Readonly<Record<string, string>> = {
  'qemu-img': 'creating, converting, checking and resizing images',
  'qemu-storage-daemon': 'commit and pull while the VM is off',
  swtpm: 'VMs with a TPM',
  fusermount3: 'exports as a raw file',
  openssl: 'exports with TLS',
  xz: 'taking in images compressed with xz',
  zstd: 'taking in images compressed with Zstandard',
  xorriso: 'making ISOs, and seeds for cloud-init',
  mformat: 'making floppies (with mcopy, of mtools)',
  guestfish:
    'looking inside images: apt-get install guestfish (Debian), dnf install guestfs-tools (Fedora), pacman -S libguestfs (Arch)',
};
const uefiPurpose = 'VMs with UEFI firmware';

const storageOf = async (path: string): Promise<Host['storage']> => {
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    return [{ path, total: bsize * blocks, free: bsize * bavail }];
  } catch {
    // A folder on a disk that is not there now: the library shows that as a problem of the folder.
    return [];
  }
};

const toolsOf = async (deps: HostDeps): Promise<Host['tools']> => {
  const programs = await Promise.all(
    Object.entries(toolPurposes).map(
      async ([name, purpose]) => [name, { ...(await deps.findTool(name)), purpose }] as const,
    ),
  );
  return {
    ...Object.fromEntries(programs),
    uefi: { path: deps.uefi(), version: null, purpose: uefiPurpose },
  };
};

/** What this machine offers, looked up when it is asked for: people mend things while the page is open. */
export const createHostService = (deps: HostDeps): HostService => ({
  get: async () => {
    const paths = [...new Set([deps.dataDir, ...deps.folders()])];
    const [targets, tools, storage, space] = await Promise.all([
      deps.capabilities.targets(),
      toolsOf(deps),
      Promise.all(paths.map(storageOf)),
      deps.space(),
    ]);
    const kvm = deps.kvm();
    const facts = {
      targets,
      tools,
      kvm,
      storage: storage.flat(),
      space,
      isRoot: deps.isRoot(),
      startProblems: deps.startProblems,
      backupFailure: deps.backupFailure(),
      dataDir: deps.dataDir,
    };
    return {
      version: deps.version,
      qemu: {
        version: targets[0]?.version ?? null,
        targets: targets.map(({ arch, binary, machines, cpus }) => ({
          arch,
          binary,
          machines: machines.map(({ name, alias, default: isDefault }) => ({
            name,
            ...(alias === undefined ? {} : { alias }),
            default: isDefault,
          })),
          cpus: [...cpus],
        })),
      },
      tools,
      accelerators: {
        kvm,
        tcg:
          targets.length > 0
            ? {
                usable: true,
                reason: 'QEMU translates the guest’s instructions: it works everywhere, slowly.',
              }
            : { usable: false, reason: 'QEMU is not installed.' },
      },
      storage: facts.storage,
      dataDir: deps.dataDir,
      runDir: deps.runDir,
      cpuCount: availableParallelism(),
      memory: { total: totalmem(), free: freemem() },
      problems: hostProblems(facts),
    };
  },
});

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { execa } from 'execa';
import { AppError } from '../app-error.ts';

export interface QemuMachine {
  /** Versioned, where this QEMU versions it. */
  readonly name: string;
  readonly alias?: string;
  readonly default: boolean;
  readonly maxCpus: number;
}
export interface QemuTarget {
  readonly arch: string;
  readonly binary: string;
  readonly version: string;
  readonly machines: readonly QemuMachine[];
  readonly cpus: readonly string[];
  /** QMP commands this QEMU knows: features are asked for by name, never by version. */
  readonly commands: ReadonlySet<string>;
  /** Devices it was built with. */
  readonly devices: ReadonlySet<string>;
  /** It writes and reads the memory of a guest to and from a file itself (8.2). */
  readonly memoryFiles: boolean;
}

export const architectures = ['x86_64', 'aarch64', 'i386', 'riscv64'] as const;

/** The packages of Debian and Ubuntu, Fedora, Arch that hold the QEMU of an architecture. */
const packages: Readonly<Record<string, readonly [debian: string, fedora: string, arch: string]>> = {
  x86_64: ['qemu-system-x86', 'qemu-system-x86', 'qemu-system-x86'],
  i386: ['qemu-system-x86', 'qemu-system-x86', 'qemu-system-x86'],
  aarch64: ['qemu-system-arm', 'qemu-system-aarch64', 'qemu-system-aarch64'],
  riscv64: ['qemu-system-misc', 'qemu-system-riscv', 'qemu-system-riscv'],
};

export const installHint = (arch = 'x86_64'): string => {
  const [debian, fedora, archLinux] = packages[arch] ?? [
    `qemu-system-${arch}`,
    `qemu-system-${arch}`,
    'qemu-full',
  ];
  return `Install it: "apt-get install ${debian} qemu-utils" (Debian, Ubuntu), "dnf install ${fedora} qemu-img" (Fedora), "pacman -S ${archLinux} qemu-img" (Arch).`;
};

/** How to get a program that comes beside QEMU; an empty text for one that Strata does not know. */
export const toolInstallHint = (program: string): string =>
  program === 'qemu-img' || program === 'qemu-io'
    ? ' Install it: "apt-get install qemu-utils" (Debian, Ubuntu), "dnf install qemu-img" (Fedora), "pacman -S qemu-img" (Arch).'
    : program === 'qemu-storage-daemon'
      ? ' Install it: "apt-get install qemu-system-common" (Debian, Ubuntu), "dnf install qemu-img" (Fedora), "pacman -S qemu-storage-daemon" (Arch).'
      : '';

/** The first executable of that name on the PATH. */
export const findProgram = (name: string, path: string = process.env.PATH ?? ''): string | null => {
  const folders = path.split(delimiter).filter(isAbsolute);
  for (const candidate of isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name))) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return null;
};

/**
 * Put before a program that the server runs for itself: when the server is killed, nobody would see, limit or end it any
 * more, and it would hold its locks while the next server begins anew. So the kernel ends it too.
 */
export const endingWithServer = (): string[] =>
  findProgram('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];

/** Nothing of the server's environment reaches QEMU: the access token may be in it (security.md, SEC-11). */
export const qemuEnvironment = (): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  LANG: 'C',
});

const questions = [
  { execute: 'qmp_capabilities' },
  { execute: 'query-version', id: 'version' },
  { execute: 'query-machines', id: 'machines' },
  { execute: 'query-cpu-definitions', id: 'cpus' },
  { execute: 'query-commands', id: 'commands' },
  { execute: 'qom-list-types', arguments: { implements: 'device', abstract: false }, id: 'devices' },
  { execute: 'query-qmp-schema', id: 'schema' },
];
/** Only when the last answer is here: what QEMU has not got rid of when it is told to quit is lost. */
const lastAnswer = 'schema';

interface Reply {
  id?: string;
  return?: unknown;
}
type Named = { name: string };
type Machine = Named & { alias?: string; 'is-default'?: boolean; 'cpu-max': number };
type Version = { qemu: { major: number; minor: number; micro: number } };

type SchemaEnum = { 'meta-type': string; values?: string[] };
/** In the schema types have no names: the transports of a migration are the enumeration that has these (8.2). */
const namesFileTransport = (entry: SchemaEnum): boolean =>
  entry['meta-type'] === 'enum' && ['exec', 'rdma', 'file'].every((name) => entry.values?.includes(name));

/** One short-lived machine without anything, asked over its standard input: it opens no file and no socket. */
const interrogate = async (arch: string, binary: string): Promise<QemuTarget> => {
  const machine = ['-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none'];
  const [program = binary, ...argv] = [...endingWithServer(), binary, ...machine, '-qmp', 'stdio'];
  const limits = { timeout: 20_000, maxBuffer: 32 * 1024 ** 2 };
  const asked = execa(program, argv, { ...limits, env: qemuEnvironment(), extendEnv: false });
  asked.stdin.write(questions.map((question) => JSON.stringify(question)).join('\n'));
  const replies = new Map<string, unknown>();
  for await (const line of asked) {
    if (!line.startsWith('{')) continue;
    const reply = JSON.parse(line) as Reply;
    if (reply.id !== undefined && reply.return !== undefined) replies.set(reply.id, reply.return);
    if (reply.id === lastAnswer) asked.stdin.end(JSON.stringify({ execute: 'quit' }));
  }
  await asked;
  const names = (id: string): string[] => ((replies.get(id) ?? []) as Named[]).map((item) => item.name);
  const version = replies.get('version') as Version | undefined;
  if (version === undefined) throw new Error(`${binary} did not say its version`);
  const { major, minor, micro } = version.qemu;
  return {
    arch,
    binary,
    version: `${major}.${minor}.${micro}`,
    machines: ((replies.get('machines') ?? []) as Machine[])
      .filter((machine) => machine.name !== 'none')
      .map((machine) => ({
        name: machine.name,
        ...(machine.alias === undefined ? {} : { alias: machine.alias }),
        default: machine['is-default'] === true,
        maxCpus: machine['cpu-max'],
      }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    cpus: names('cpus').sort(),
    commands: new Set(names('commands')),
    devices: new Set(names('devices')),
    memoryFiles: ((replies.get('schema') ?? []) as SchemaEnum[]).some(namesFileTransport),
  };
};

export interface Capabilities {
  /** Every architecture whose QEMU is installed and answers. */
  targets(): Promise<QemuTarget[]>;
  /** Throws `qemu-missing` with how to install it. */
  target(arch: string): Promise<QemuTarget>;
}

/** What the QEMU programs of this host can do, asked once for each file and again when it has changed. */
export const createCapabilities = (path?: string): Capabilities => {
  const cache = new Map<string, { readonly stamp: string; readonly target: Promise<QemuTarget> }>();

  const ask = (arch: string): Promise<QemuTarget> | null => {
    const binary = findProgram(`qemu-system-${arch}`, path);
    if (binary === null) return null;
    const { mtimeMs, ino, size } = statSync(binary);
    const stamp = `${mtimeMs}:${ino}:${size}`;
    const known = cache.get(binary);
    if (known?.stamp === stamp) return known.target;
    const target = interrogate(arch, binary);
    cache.set(binary, { stamp, target });
    // A failure is not remembered: the next call asks again.
    target.catch(() => cache.delete(binary));
    return target;
  };

  return {
    targets: async () => {
      const answers = await Promise.all(
        architectures.map((arch) => ask(arch)?.catch(() => null) ?? Promise.resolve(null)),
      );
      return answers.filter((target) => target !== null);
    },
    target: async (arch) => {
      const asked = ask(arch);
      if (asked === null)
        throw new AppError(
          'qemu-missing',
          `There is no qemu-system-${arch} on this host. ${installHint(arch)}`,
        );
      try {
        return await asked;
      } catch (cause) {
        throw new AppError(
          'qemu-missing',
          `qemu-system-${arch} is installed but does not run: ${String(cause)}`,
          {},
          { cause },
        );
      }
    },
  };
};

/** `q35` → `pc-q35-7.2`: the name that stays the same when QEMU is upgraded. */
export const versionedMachine = (target: QemuTarget, wish: string): QemuMachine => {
  const machine = target.machines.find(({ name, alias }) => name === wish || alias === wish);
  if (machine !== undefined) return machine;
  const known = target.machines.map(({ name, alias }) => alias ?? name).filter((name) => !/-\d/.test(name));
  throw new AppError(
    'not-possible',
    `QEMU ${target.version} for ${target.arch} has no machine "${wish}". It has ${[...new Set(known)].join(', ')} and older versions of these.`,
  );
};

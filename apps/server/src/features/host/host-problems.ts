import type { Host, Problem } from '@strata/contract';
import type { KvmVerdict } from '../../qemu/accelerators.ts';
import { installHint } from '../../qemu/capabilities.ts';

export interface HostFacts {
  readonly targets: readonly unknown[];
  readonly tools: Host['tools'];
  readonly kvm: KvmVerdict;
  /** What is to be said of the disks. */
  readonly space: readonly Problem[];
  readonly isRoot: boolean;
  readonly startProblems: readonly Problem[];
  readonly backupFailure: string | null;
  readonly dataDir: string;
}

const packages: Readonly<Record<string, string>> = {
  'qemu-img': '"qemu-utils" (Debian, Ubuntu) or "qemu-img" (Fedora, Arch)',
  'qemu-storage-daemon':
    '"qemu-system-common" (Debian, Ubuntu), "qemu-img" (Fedora) or "qemu-storage-daemon" (Arch)',
};

const missingTools = (tools: Host['tools']): Problem[] =>
  Object.entries(packages).flatMap(([name, install]) => {
    const tool = tools[name];
    if (tool === undefined || tool.path !== null) return [];
    return [
      {
        code: 'tool-missing',
        message: `${name} is not installed. Without it there is no ${tool.purpose}.`,
        repair: `Install the package ${install}.`,
      },
    ];
  });

/** What a person should know of this host, the worst first, each with what can be done. */
export const hostProblems = ({
  targets,
  tools,
  kvm,
  space,
  isRoot,
  startProblems,
  backupFailure,
  dataDir,
}: HostFacts): Problem[] => [
  ...startProblems,
  ...(targets.length === 0
    ? [{ code: 'qemu-missing', message: 'QEMU is not installed: no VM can start.', repair: installHint() }]
    : []),
  ...missingTools(tools),
  ...(isRoot
    ? [
        {
          code: 'runs-as-root',
          message:
            'Strata runs as root, and so does every QEMU it starts: a guest that breaks out of QEMU owns this machine.',
          repair: 'Stop Strata and start it as an ordinary user who is in the group "kvm".',
        },
      ]
    : []),
  ...(backupFailure === null
    ? []
    : [
        {
          code: 'backup-failed',
          message: `The daily copy of the database could not be made: ${backupFailure}`,
          repair: `Make ${dataDir}/backups writable, or free some space there. It is tried again every hour.`,
        },
      ]),
  ...space,
  ...(kvm.usable
    ? []
    : [
        {
          code: 'kvm-not-usable',
          message: `VMs run without hardware acceleration and are slow. ${kvm.reason}`,
          ...(kvm.remedy === undefined ? {} : { repair: kvm.remedy }),
        },
      ]),
];

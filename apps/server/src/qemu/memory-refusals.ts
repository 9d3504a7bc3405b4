import { AppError } from '../app-error.ts';

const mebibytes = (hex: string): string => `${Math.round(Number.parseInt(hex, 16) / 1024 ** 2)} MiB`;

const refusal =
  (words: (match: RegExpExecArray) => string) =>
  (match: RegExpExecArray, stderr: string): AppError =>
    new AppError('qemu-refused', words(match), { stderr });

/** Why QEMU ended instead of continuing from a saved memory (qemu-recipes.md §5). */
export const memoryRefusals: ReadonlyArray<
  readonly [pattern: RegExp, make: (match: RegExpExecArray, stderr: string) => AppError]
> = [
  [
    /Size mismatch: ([^\s:]+): (0x[0-9a-f]+) != (0x[0-9a-f]+)/i,
    refusal(
      ([, part = '', saved = '', now = '']) =>
        `The saved memory does not fit the VM: its part "${part}" has ${mebibytes(saved)}, and the VM has ${mebibytes(now)} there. Give the VM the memory and the display that it had when it was saved.`,
    ),
  ],
  [
    /Unknown savevm section or instance '([^']+)'/,
    refusal(
      ([, device = '']) =>
        `The saved memory knows a device that the VM does not have: "${device}". Give the VM the hardware that it had when it was saved.`,
    ),
  ],
  [
    /Machine type received is '([^']+)' and local is '([^']+)'/,
    refusal(
      ([, saved = '', now = '']) =>
        `The memory was saved on a machine "${saved}", and the VM is a "${now}" now. Set its machine back to "${saved}".`,
    ),
  ],
  [
    /(?:error while loading state|load of migration failed|Not a migration stream|Unsupported migration stream version)[^\n]*/,
    refusal(
      ([words = '']) =>
        `QEMU cannot continue from the saved memory (${words}). The file may be damaged, or made by another version of QEMU.`,
    ),
  ],
];

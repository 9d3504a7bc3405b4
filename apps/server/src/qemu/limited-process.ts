import { execa } from 'execa';
import { endingWithServer, findProgram, qemuEnvironment } from './capabilities.ts';
import type { WorkBrake } from './work-brake.ts';

/** What a tool that reads images may use: an image is a program for whoever reads it (security.md 2). */
export interface ProcessLimits {
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly addressSpaceBytes: number;
  /** Processor time. */
  readonly cpuSeconds: number;
}

/** So many at a time; the others wait for their turn. */
class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: (leave: () => void) => Promise<T>): Promise<T> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free--;
    let isIn = true;
    const leave = (): void => {
      if (!isIn) return;
      isIn = false;
      this.#free++;
      this.#waiting.shift()?.();
    };
    try {
      return await work(leave);
    } finally {
      leave();
    }
  }
}

/** `heavy` reads or writes whole images, `light` a header. */
const slots = { heavy: new Slots(2), light: new Slots(4) };

/** `leave` lets others have the turn before the end: of work that is paused or slowed down. */
export const inTurn = <T>(weight: keyof typeof slots, work: (leave: () => void) => Promise<T>): Promise<T> =>
  slots[weight].run(work);

/** For tools that work for a long time. */
export interface ProcessWatch {
  /** Ends the process. */
  readonly signal?: AbortSignal;
  /** Ended in the middle it would leave something worse than there was: it goes on when the server is killed. */
  readonly outlivesServer?: boolean;
  /** Pauses and limits it. Then it may take as long as it takes: whoever can do that can also cancel it. */
  readonly brake?: WorkBrake;
  /** It was paused or slowed down. */
  onStopped?(): void;
  onOutput?(text: string): void;
  /** Where it runs: for tools that take a sign in a path for something else. */
  readonly cwd?: string;
  /** It writes names of files in another alphabet as they are. */
  readonly unicode?: boolean;
}

const wrappers = (limits: ProcessLimits, { outlivesServer = false }: ProcessWatch): string[] => [
  ...(outlivesServer ? [] : endingWithServer()),
  ...(findProgram('prlimit') === null
    ? []
    : ['prlimit', `--as=${limits.addressSpaceBytes}`, `--cpu=${limits.cpuSeconds}`, '--']),
];

/** A wrapper would say in its own words that the program is missing. */
const commandOf = (
  program: string,
  args: readonly string[],
  limits: ProcessLimits,
  watch: ProcessWatch,
): readonly [file: string, argv: readonly string[]] => {
  const [file = program, ...argv] = findProgram(program)
    ? [...wrappers(limits, watch), program, ...args]
    : [program, ...args];
  return [file, argv];
};

// glibc reserves 64 MiB of addresses per thread's arena: with many worker threads the limit is met by nothing at all
// ("qemu_thread_create: Resource temporarily unavailable", seen about once in 500 calls).
const environment = () => ({ ...qemuEnvironment(), MALLOC_ARENA_MAX: '2' });

/** A tool between two of our pipes, for whatever is longer than memory. The caller feeds, reads and awaits it. */
export const startLimited = (
  program: string,
  args: readonly string[],
  limits: ProcessLimits,
  { signal }: Pick<ProcessWatch, 'signal'> = {},
) => {
  const [file, argv] = commandOf(program, args, limits, {});
  return execa(file, argv, {
    stdin: 'pipe',
    buffer: { stdout: false },
    maxBuffer: limits.maxOutputBytes,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    extendEnv: false,
    env: environment(),
  });
};

/** Runs a tool to its end with an argument array, never a shell, and answers its standard output. Throws `ExecaError`. */
export async function runLimited(
  program: string,
  args: readonly string[],
  limits: ProcessLimits,
  watch: ProcessWatch = {},
): Promise<string> {
  const [file, argv] = commandOf(program, args, limits, watch);
  const process = execa(file, argv, {
    stdin: 'ignore',
    ...(watch.signal === undefined ? {} : { cancelSignal: watch.signal }),
    ...(watch.brake === undefined ? { timeout: limits.timeoutMs } : {}),
    maxBuffer: limits.maxOutputBytes,
    extendEnv: false,
    env: { ...environment(), ...(watch.unicode === true ? { LC_ALL: 'C.UTF-8' } : {}) },
    ...(watch.cwd === undefined ? {} : { cwd: watch.cwd }),
  });
  if (watch.onOutput !== undefined)
    process.stdout.on('data', (chunk: Buffer) => watch.onOutput?.(chunk.toString('latin1')));
  const { pid } = process;
  const { brake, signal } = watch;
  const letGo =
    pid === undefined
      ? undefined
      : brake?.hold({ pid, program, signal, onStopped: () => watch.onStopped?.() });
  try {
    return (await process).stdout;
  } finally {
    letGo?.();
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { endingWithServer } from '../../capabilities.ts';

/** The appliance has refused a command; it goes on. `said`: its own words, in which there may be names of the guest. */
export class GuestfishRefusal extends Error {
  readonly said: string;

  constructor(said: string) {
    super(`guestfish refuses: ${said}`);
    this.said = said;
  }
}

/** The process is gone, or was ended because it did not answer: nothing more comes from it. */
export class GuestfishEnded extends Error {}

export interface CommandLimits {
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
}

const usual = { timeoutMs: 120_000, maxOutputBytes: 8 * 1024 ** 2 };
const longestSaid = 64 * 1024;

interface Question {
  readonly marker: Buffer;
  readonly maxOutputBytes: number;
  take(output: Buffer): void;
  fail(error: Error): void;
}

const gone = /appliance closed the connection|call launch before using this function|child process died/;
const spoken = /libguestfs: error: (.*)|: unknown command$/m;

/**
 * One `guestfish` that reads commands, one at a time. Where its answer to each ends is marked by a line that nobody in
 * the guest can know, so that an answer may hold any bytes; what went wrong it writes into a file of its own, complete
 * before the mark appears.
 */
export class Guestfish {
  /** Resolves when its process is gone. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #errors: number;
  readonly #secret = randomBytes(18).toString('hex');
  #asked = 0;
  #output = Buffer.alloc(0);
  #question: Question | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #end: GuestfishEnded | null = null;

  /** `folder`: private, of this process alone. */
  constructor(folder: string, environment: Readonly<Record<string, string>>) {
    this.#errors = openSync(join(folder, 'errors'), 'a+', 0o600);
    const [program = 'guestfish', ...args] = [...endingWithServer(), 'guestfish'];
    this.#child = spawn(program, args, {
      detached: true,
      stdio: ['pipe', 'pipe', this.#errors],
      env: environment,
      cwd: folder,
    });
    this.exited = new Promise((resolve) => {
      const gone = (): void => {
        this.#stop(new GuestfishEnded('guestfish has ended'));
        resolve();
      };
      this.#child.once('error', gone).once('exit', gone);
    });
    void this.exited.then(() => closeSync(this.#errors));
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#hear(chunk));
    // Writing to a process that has just ended: told by its end.
    this.#child.stdin?.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What the command prints. Throws `GuestfishRefusal` or `GuestfishEnded`. */
  run(command: string, limits: CommandLimits = {}): Promise<Buffer> {
    return this.#inTurn(async () => {
      const output = await this.#ask(command, limits);
      const said = this.#whatItSaid();
      const [found, words = said.trim()] = spoken.exec(said) ?? [];
      if (found === undefined) return output;
      if (!gone.test(said)) throw new GuestfishRefusal(words);
      this.kill('the appliance has ended');
      throw new GuestfishEnded('the appliance has ended');
    });
  }

  /** What each of them prints; where one is refused, nothing. */
  runEach(commands: readonly string[]): Promise<Buffer[]> {
    return this.#inTurn(async () => {
      const answers: Buffer[] = [];
      for (const command of commands) answers.push(await this.#ask(command, {}));
      this.#whatItSaid();
      return answers;
    });
  }

  /** Nothing more is begun, and what is being done is over for whoever waits for it. */
  refuse(why: string): void {
    this.#stop(new GuestfishEnded(why));
  }

  kill(why: string): void {
    this.refuse(why);
    this.#child.kill('SIGKILL');
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  #ask(command: string, limits: CommandLimits): Promise<Buffer> {
    if (this.#end !== null) return Promise.reject(this.#end);
    const { timeoutMs, maxOutputBytes } = { ...usual, ...limits };
    const marker = `${this.#secret}${this.#asked++}\n`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.kill(`it did not answer within ${Math.round(timeoutMs / 1000)} seconds`),
        timeoutMs,
      );
      const done = (): void => {
        clearTimeout(timer);
        this.#question = null;
      };
      this.#question = {
        ...{ marker: Buffer.from(marker), maxOutputBytes },
        take: (output) => {
          done();
          resolve(output);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      // "-": an error does not end guestfish.
      this.#child.stdin?.write(`-${command}\necho ${marker}`);
    });
  }

  #hear(chunk: Buffer): void {
    const question = this.#question;
    if (question === null) return;
    const seen = Math.max(0, this.#output.length - question.marker.length);
    this.#output = Buffer.concat([this.#output, chunk]);
    const at = this.#output.indexOf(question.marker, seen);
    if (at >= 0) {
      const output = this.#output.subarray(0, at);
      this.#output = Buffer.alloc(0);
      question.take(output);
    } else if (this.#output.length > question.maxOutputBytes + question.marker.length)
      this.kill('an answer was longer than it may be');
  }

  /** Errors since the last time. The file is its own, and shared: it goes on writing at the end. */
  #whatItSaid(): string {
    const { size } = fstatSync(this.#errors);
    if (size === 0) return '';
    const text = Buffer.alloc(Math.min(size, longestSaid));
    const length = readSync(this.#errors, text, 0, text.length, 0);
    ftruncateSync(this.#errors, 0);
    return text.toString('utf8', 0, length);
  }

  #stop(end: GuestfishEnded): void {
    this.#end ??= end;
    this.#question?.fail(this.#end);
  }
}

import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { sizeInput } from '@strata/contract';
import { StartRefusal } from './start-refusal.ts';

/** Everything the process is told from outside: read once, validated, frozen. */
export interface Config {
  readonly version: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Holds `strata.db`, `images/`, `vms/<id>/`, `trash/`; 0700. */
  readonly dataDir: string;
  /** Unix sockets: `$XDG_RUNTIME_DIR/strata/<hash of dataDir>` or `<dataDir>/run`; 0700, short. */
  readonly runDir: string;
  /** Whether to open the user's browser when ready. */
  readonly open: boolean;
  /** The fixed access token (`STRATA_TOKEN`); otherwise one is made and kept in the data dir. */
  readonly token: string | null;
  /** The built web app; null when the server runs without one (tests). */
  readonly webRoot: string | null;
  readonly logLevel: 'silent' | 'warn' | 'info' | 'debug';
  /** Images may be written to devices of at most so many bytes; absent: to none (`--enable-device-write`). */
  readonly deviceWriteLimit?: number;
}

/** What is asked for, before the folders on disk have been looked at (prepare-folders.ts). */
export type Settings = Omit<Config, 'version' | 'runDir' | 'webRoot'> & {
  readonly runtimeDir: string | null;
};

export const defaultPort = 7410;

/** A larger disk is more likely somebody's storage than what an image is written to (security.md, 3.4). */
export const usualWriteLimit = 2 * 1024 ** 4;

export const usage = `Usage: npm start -- [options]

  --port N         port of the dashboard (STRATA_PORT; default ${defaultPort}; 0: any free one)
  --host H         address to listen on (STRATA_HOST; default 127.0.0.1)
  --data-dir DIR   where everything is kept (STRATA_DATA_DIR; default $XDG_DATA_HOME/strata)
  --no-open        do not open a browser
  --enable-device-write
                   let images be written to USB disks, memory cards and loop devices
  --device-write-limit SIZE
                   the largest device that may be written (default 2T)
  --help           this text

STRATA_TOKEN sets the access token, STRATA_LOG the log level (silent, warn, info, debug).`;

type Environment = Readonly<Record<string, string | undefined>>;

const wrongCall = (message: string): StartRefusal => new StartRefusal(`${message}\n\n${usage}`, 2);

const readFlags = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'data-dir': { type: 'string' },
        'no-open': { type: 'boolean' },
        'enable-device-write': { type: 'boolean' },
        'device-write-limit': { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw wrongCall((error as Error).message.split('. To specify', 1)[0] ?? 'Unknown option');
  }
};

/** An empty variable counts as one that is not set, as in XDG's own rules. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

const readPort = (text: string | undefined): number => {
  if (text === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 0 && port <= 65_535))
    throw wrongCall(`The port must be a number from 0 to 65535, not "${text}".`);
  return port;
};

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

const readHost = (text: string | undefined): string => {
  const host = (text ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  if (host !== 'localhost' && isIP(host) === 0)
    throw wrongCall(`--host takes an IP address of this machine or "localhost", not "${host}".`);
  return host;
};

/** What may stand in an `Authorization: Bearer` header (RFC 6750). */
const tokenText = /^[A-Za-z0-9._~+/-]+=*$/;
const shortestPublicToken = 32;

const readToken = (token: string | undefined, host: string): string | null => {
  if (token === undefined) return null;
  if (!tokenText.test(token) || token.length > 512)
    throw new StartRefusal(
      'STRATA_TOKEN may have letters, digits and - . _ ~ + / only, and at most 512 of them.',
      2,
    );
  if (!isLoopback(host) && token.length < shortestPublicToken)
    throw new StartRefusal(
      `With --host ${host} other machines can reach Strata, and whoever has the token controls your VMs and disks. STRATA_TOKEN must then have at least ${shortestPublicToken} characters (for example: openssl rand -hex 32), or be left out: Strata makes a long one.`,
      2,
    );
  return token;
};

const readWriteLimit = (enabled: boolean, size: string | undefined): { deviceWriteLimit?: number } => {
  if (!enabled && size !== undefined)
    throw wrongCall('--device-write-limit means nothing without --enable-device-write.');
  const limit = size === undefined ? usualWriteLimit : sizeInput.safeParse(size).data;
  if (limit === undefined) throw wrongCall(`--device-write-limit takes a size like "4T", not "${size}".`);
  return enabled ? { deviceWriteLimit: limit } : {};
};

const readLogLevel = (text: string | undefined): Config['logLevel'] => {
  const level = text ?? 'warn';
  if (level === 'silent' || level === 'warn' || level === 'info' || level === 'debug') return level;
  throw new StartRefusal(`STRATA_LOG must be silent, warn, info or debug, not "${level}".`, 2);
};

const absolute = (path: string | undefined): string | null =>
  path !== undefined && isAbsolute(path) ? path : null;

/** Flags win over the environment. Throws a {@link StartRefusal}; null when only the usage was asked for. */
export const readSettings = (
  argv: readonly string[],
  environment: Environment,
  currentFolder: string = process.cwd(),
): Settings | null => {
  const flags = readFlags(argv);
  if (flags.help === true) return null;
  const host = readHost(flags.host ?? given(environment.STRATA_HOST));
  const dataHome = absolute(environment.XDG_DATA_HOME) ?? join(homedir(), '.local', 'share');
  const dataDir = flags['data-dir'] ?? given(environment.STRATA_DATA_DIR) ?? join(dataHome, 'strata');
  if (dataDir === '' || /\p{Cc}/u.test(dataDir))
    throw wrongCall('--data-dir must be a path without control characters.');
  return {
    host,
    port: readPort(flags.port ?? given(environment.STRATA_PORT)),
    dataDir: resolve(currentFolder, dataDir),
    runtimeDir: absolute(environment.XDG_RUNTIME_DIR),
    open: flags['no-open'] !== true,
    token: readToken(given(environment.STRATA_TOKEN), host),
    logLevel: readLogLevel(given(environment.STRATA_LOG)),
    ...readWriteLimit(flags['enable-device-write'] === true, flags['device-write-limit']),
  };
};

import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { buildApp, type StrataApp } from './app.ts';
import { type Config, isLoopback, readSettings, type Settings, usage } from './config.ts';
import { acquireInstanceLock } from './db/instance-lock.ts';
import { openBrowser } from './open-browser.ts';
import { prepareFolders } from './prepare-folders.ts';
import { StartRefusal } from './start-refusal.ts';
import { readVersion } from './version.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The web app is built beside the server, in `apps/web/dist`, seen from `src/` as from `dist/`. */
const findWebRoot = (): string | null => {
  const folder = fileURLToPath(new URL('../../web/dist/', import.meta.url));
  return existsSync(folder) ? folder : null;
};

const toConfig = (settings: Settings): Config => {
  const { runtimeDir, ...rest } = settings;
  return Object.freeze({
    ...rest,
    ...prepareFolders({ dataDir: settings.dataDir, runtimeDir }),
    version: readVersion(),
    webRoot: findWebRoot(),
  });
};

const warn = (config: Config): void => {
  if (process.getuid?.() === 0)
    say(
      'WARNING: Strata runs as root, and so does every QEMU it starts: a guest that breaks out of QEMU owns this machine. Run it as an ordinary user who is in the group "kvm".',
    );
  if (!isLoopback(config.host))
    say(
      `WARNING: Strata listens on ${config.host}, so other machines can reach it. The connection is not encrypted: whoever listens in on the network can read the token. An SSH tunnel to 127.0.0.1 is safer.`,
    );
};

const listen = async (strata: StrataApp, config: Config): Promise<number> => {
  try {
    await strata.app.listen({ host: config.host, port: config.port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new StartRefusal(
        `Port ${config.port} of ${config.host} is taken, perhaps by another Strata. Choose another one with --port, or --port 0 for any free one.`,
      );
    if (code === 'EACCES')
      throw new StartRefusal(
        `Port ${config.port} needs special rights. Choose one from 1024 with --port, or --port 0 for any free one.`,
      );
    if (code === 'EADDRNOTAVAIL')
      throw new StartRefusal(`${config.host} is not an address of this machine. Choose another --host.`);
    throw error;
  }
  return (strata.app.server.address() as AddressInfo).port;
};

/** Where the page is reached from this machine. */
const baseLink = (host: string, port: number): string => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
};

/** The first signal ends in order and leaves the VMs running; a second one does not wait for that. */
const endOnSignal = (close: () => Promise<void>): void => {
  let ending = false;
  const end = (): void => {
    if (ending) process.exit(1);
    ending = true;
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`Strata did not end in order: ${String(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
};

const run = async (): Promise<void> => {
  // Before anything is created: sockets of QEMU get their mode from it (security.md, SEC-10).
  process.umask(0o077);
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings === null) return void process.stdout.write(`${usage}\n`);
  const config = toConfig(settings);
  warn(config);
  const lock = acquireInstanceLock(config.dataDir);
  const strata = await buildApp(config);
  endOnSignal(async () => {
    await strata.close();
    lock.release();
  });
  const port = await listen(strata, config);
  const link = baseLink(config.host, port);
  process.stdout.write(`Strata is ready at ${link}/#token=${encodeURIComponent(strata.token)}\n`);
  if (config.open) openBrowser(`${link}/#code=${strata.startCodes.issue()}`);
};

run().catch((error: unknown) => {
  if (error instanceof StartRefusal) {
    say(error.message);
    process.exit(error.exitCode);
  }
  say(`Strata cannot start: ${error instanceof Error ? error.stack : String(error)}`);
  process.exit(1);
});

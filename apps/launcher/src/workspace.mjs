import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';
import { say } from './say.mjs';
import { hashOf, unlessUnchanged } from './stamps.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const cache = join(root, '.cache');

/** Stops with words and exit code 1: for what only the person can mend. */
export class Halt extends Error {}

const fail = (what, output) => {
  throw new Halt(`${what} failed:\n${output.trim().split('\n').slice(-40).join('\n')}`);
};

export const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Halt(`Strata needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  }
};

const pnpmVersion = () =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.replace('pnpm@', '');

/** The folder with the pinned pnpm, below `.cache`: nothing is installed globally. */
const pnpmFolder = async () => {
  const home = join(cache, 'tools', `pnpm-${pnpmVersion()}`);
  const folder = join(home, 'node_modules/.bin');
  if (!existsSync(join(folder, 'pnpm'))) {
    say(`fetching pnpm ${pnpmVersion()}`);
    const { code, output } = await run(
      'npm',
      ['install', '--prefix', home, '--no-save', '--no-audit', '--no-fund', `pnpm@${pnpmVersion()}`],
      { quiet: true, cwd: root },
    );
    if (code !== 0) fail('Fetching pnpm', output);
  }
  return folder;
};

/**
 * NODE_ENV is ours to say: `production` in a user's shell would leave out what the build needs. pnpm is on the
 * PATH of what it runs, because scripts of the workspace call it again.
 */
export const pnpm = async (args, { mode = 'development', ...options } = {}) => {
  const folder = await pnpmFolder();
  return await run(join(folder, 'pnpm'), args, {
    cwd: root,
    env: { ...process.env, NODE_ENV: mode, PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` },
    ...options,
  });
};

const manifests = () => [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  ...['apps', 'packages'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .map((name) => `${folder}/${name}/package.json`)
      .filter((file) => existsSync(join(root, file))),
  ),
];

const nativeBindingWorks = async () =>
  (
    await run(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:')"], {
      quiet: true,
      cwd: join(root, 'apps/server'),
    })
  ).code === 0;

/** Installs the dependencies of the lockfile; on a host without a prebuilt SQLite binding also what compiles it. */
export const installDependencies = async () => {
  const hash = hashOf(root, { files: manifests(), words: [process.versions.modules, process.arch] });
  const work = async () => {
    say(
      'installing dependencies (the SQLite binding is compiled where no prebuilt one can be had: about a minute)',
    );
    const install = () => pnpm(['install', '--frozen-lockfile', '--reporter=append-only'], { quiet: true });
    let { code, output } = await install();
    if (code !== 0 && (await ensureSystemPackages(['compiler']))) ({ code, output } = await install());
    if (code !== 0) fail('Installing the dependencies', output);
    if (!(await nativeBindingWorks())) {
      await ensureSystemPackages(['compiler']);
      const rebuilt = await pnpm(['rebuild', 'better-sqlite3'], { quiet: true });
      if (!(await nativeBindingWorks())) fail('Building the SQLite binding', rebuilt.output);
    }
  };
  await unlessUnchanged(join(cache, 'install.stamp'), hash, work, existsSync(join(root, 'node_modules')));
};

/** Builds the web app and the server bundle, when a source has changed. */
export const build = async () => {
  const hash = hashOf(root, {
    files: ['pnpm-lock.yaml', 'tsconfig.base.json'],
    folders: ['apps/server', 'apps/web', 'packages'],
    ignore: (path) => /\.test\.[a-z]+$/.test(path),
  });
  const built = ['apps/web/dist/index.html', 'apps/server/dist/main.js'].every((file) =>
    existsSync(join(root, file)),
  );
  const work = async () => {
    say('building the web app and the server');
    const { code, output } = await pnpm(['run', 'build'], { quiet: true, mode: 'production' });
    if (code !== 0) fail('Building', output);
  };
  await unlessUnchanged(join(cache, 'build.stamp'), hash, work, built);
};

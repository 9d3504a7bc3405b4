// `npm start`: everything from a fresh clone to a running Strata, with nothing but Node.js.
import { join } from 'node:path';
import { say } from './say.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { build, checkNode, Halt, installDependencies, root } from './workspace.mjs';

try {
  checkNode();
  // Without QEMU Strata still starts and its Host page says what is missing: the line was printed.
  await ensureSystemPackages(['qemu', 'uefi', 'unpackers', 'imageMakers']);
  await installDependencies();
  await build();
} catch (error) {
  if (!(error instanceof Halt)) throw error;
  say(error.message);
  process.exit(1);
}

// npm ends without a word to what it started. Nothing tells a process that its parent is gone, so this one looks;
// otherwise a Strata that nobody sees would keep its data folder.
if (process.env.npm_lifecycle_event === 'start') {
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid !== npm) process.kill(process.pid, 'SIGTERM');
  }, 250).unref();
}

// In this very process: whoever stops or kills `npm start` stops or kills the server, and no second one is left behind.
process.env.NODE_ENV ??= 'production';
await import(join(root, 'apps/server/dist/main.js'));

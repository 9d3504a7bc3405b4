// `npm start`: everything from a fresh clone to a running Strata, with nothing but Node.js.
import { join } from 'node:path';
import { say } from './say.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { build, checkNode, Halt, installDependencies, root } from './workspace.mjs';

try {
  checkNode();
  // Without QEMU Strata still starts and its Host page says what is missing: the line was printed.
  await ensureSystemPackages(['qemu', 'uefi']);
  await installDependencies();
  await build();
} catch (error) {
  if (!(error instanceof Halt)) throw error;
  say(error.message);
  process.exit(1);
}

// In this very process: whoever stops or kills `npm start` stops or kills the server, and no second one is left behind.
process.env.NODE_ENV ??= 'production';
await import(join(root, 'apps/server/dist/main.js'));

// Bundles the server with the workspace's packages into dist/main.js, and beside it the thread that reads the disk. What
// npm installs stays outside: better-sqlite3 has a binary, and Fastify's plugins find their files beside themselves.
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const workspaceOnly = {
  name: 'workspace-only',
  setup(bundle) {
    // Bare names, except those of this workspace.
    bundle.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@strata/') ? null : { path, external: true },
    );
  },
};

rmSync(here('dist'), { recursive: true, force: true });
await build({
  entryPoints: {
    main: here('src/main.ts'),
    'disk-reader.worker': here('src/features/images/disk-reader.worker.ts'),
  },
  outdir: here('dist'),
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: true,
  plugins: [workspaceOnly],
  logLevel: 'warning',
});
// Threads begin with a file of their own.
cpSync(here('src/features/images/checksum/hash-worker.mjs'), here('dist/hash-worker.mjs'));
cpSync(here('src/db/migrations'), here('dist/migrations'), { recursive: true });

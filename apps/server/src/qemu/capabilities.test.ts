import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { architectures, createCapabilities, installHint } from './capabilities.ts';

it.each([
  ['x86_64', 'qemu-system-x86 '],
  ['i386', 'qemu-system-x86 '],
  ['aarch64', 'qemu-system-arm '],
  ['riscv64', 'qemu-system-misc '],
])('names the package of Debian that has the QEMU for %s', (arch, name) => {
  expect(architectures).toContain(arch);
  expect(installHint(arch)).toContain(`apt-get install ${name}`);
});

it('says so when the QEMU of an architecture is not installed', async () => {
  await expect(createCapabilities('/nonexistent').target('aarch64')).rejects.toMatchObject({
    code: 'qemu-missing',
    message: expect.stringContaining('dnf install qemu-system-aarch64'),
  });
});

it('leaves no QEMU behind that was being asked when the server was killed', {
  timeout: 130_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-capabilities-'));
  const [program, pidFile] = [join(folder, 'qemu-system-x86_64'), join(folder, 'pid')];
  // A QEMU that does not answer.
  writeFileSync(
    program,
    `#!/bin/sh\necho $$ > ${pidFile}.part\nmv ${pidFile}.part ${pidFile}\nexec sleep 600\n`,
  );
  chmodSync(program, 0o755);
  const asking = `import { createCapabilities } from '${join(import.meta.dirname, 'capabilities.ts')}';
    await createCapabilities('${folder}').targets();`;
  const server = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', asking], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await vi.waitUntil(() => existsSync(pidFile), { timeout: 60_000 });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    server.kill('SIGKILL');
    await once(server, 'exit');
    await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 60_000 });
  } finally {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

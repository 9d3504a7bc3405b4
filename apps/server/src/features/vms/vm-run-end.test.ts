import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { endUnsaid } from './vm-run-end.ts';

it('tells a QEMU that ended in good order without a word from one that crashed by the pid file it removed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-run-end-'));
  try {
    const pidFile = join(folder, 'pid');
    expect(endUnsaid(pidFile).crashed).toBe(false);
    writeFileSync(pidFile, '4711');
    expect(endUnsaid(pidFile).crashed).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootProgram, bootSector, sectorSize } from './boot-sector.ts';

const hasAssembler = (): boolean => {
  try {
    execFileSync('as', ['--version'], { stdio: 'ignore' });
    execFileSync('objcopy', ['--version'], { stdio: 'ignore' });
    return process.arch === 'x64';
  } catch {
    return false;
  }
};

describe('the boot sector of the demo guest', () => {
  it('fits into one sector and carries the mark of a boot sector', () => {
    const used = bootProgram.reduce((sum, line) => sum + line.bytes.length, 0);
    expect(used).toBeLessThanOrEqual(sectorSize - 2);
    expect(bootSector()).toHaveLength(sectorSize);
    expect(bootSector().subarray(-2).toString('hex')).toBe('55aa');
  });

  it.runIf(hasAssembler())('is exactly what the instructions beside its bytes assemble to', () => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-boot-'));
    try {
      const source = ['.intel_syntax noprefix', '.code16', ...bootProgram.map((line) => line.source), ''];
      writeFileSync(join(folder, 'boot.s'), source.join('\n'));
      execFileSync('as', ['--32', 'boot.s', '-o', 'boot.o'], { cwd: folder });
      execFileSync('objcopy', ['-O', 'binary', '-j', '.text', 'boot.o', 'boot.bin'], { cwd: folder });
      const assembled = readFileSync(join(folder, 'boot.bin'));
      expect(bootSector().subarray(0, assembled.length).toString('hex')).toBe(assembled.toString('hex'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for a test, removed with `remove`. */
export const temporaryFolder = (): { path: string; remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), 'strata-image-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

const quiet = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];

export const qemuImg = (...args: string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: quiet, timeout: 60_000 });

export const qemuIo = (...args: string[]): string =>
  execFileSync('qemu-io', args, { encoding: 'utf8', stdio: quiet, timeout: 60_000 });

/** Numbers that look random and are the same in every run. */
export const randomNumbers = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

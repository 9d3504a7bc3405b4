import { statSync } from 'node:fs';
import { execa } from 'execa';
import { findProgram, qemuEnvironment } from './capabilities.ts';

export interface FoundTool {
  readonly path: string | null;
  readonly version: string | null;
}

const ask = async (path: string): Promise<string | null> => {
  try {
    const { stdout } = await execa(path, ['--version'], {
      timeout: 5000,
      maxBuffer: 64 * 1024,
      env: qemuEnvironment(),
      extendEnv: false,
    });
    return /\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? null;
  } catch {
    return null;
  }
};

/** Finds programs and asks their versions, once for each file and again when it has changed. */
export const createToolVersions = (path?: string): ((name: string) => Promise<FoundTool>) => {
  const cache = new Map<string, { readonly mtimeMs: number; readonly version: Promise<string | null> }>();
  return async (name) => {
    const program = findProgram(name, path);
    if (program === null) return { path: null, version: null };
    const { mtimeMs } = statSync(program);
    const known = cache.get(program);
    if (known?.mtimeMs === mtimeMs) return { path: program, version: await known.version };
    const version = ask(program);
    cache.set(program, { mtimeMs, version });
    return { path: program, version: await version };
  };
};

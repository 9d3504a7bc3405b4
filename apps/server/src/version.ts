import { readFileSync } from 'node:fs';

/** The version of the package; it lies one folder up from `src/` as from `dist/`. */
export const readVersion = (): string => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
};

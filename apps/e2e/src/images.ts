import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, type Strata, until } from './strata.ts';

const qemuImg = (...args: string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: 'pipe' });

export const virtualSize = 64 * 1024 ** 2;
const megabyte = 1024 ** 2;

/** Writes a byte pattern; offset and length in MiB. */
export const write = (path: string, offset: number, length: number, pattern: number): void => {
  const command = `write -P ${pattern} ${offset * megabyte} ${length * megabyte}`;
  execFileSync('qemu-io', ['-f', formatOf(path), '-c', command, path], {
    stdio: 'pipe',
  });
};

/** `base <- s1 <- s2 <- s3 <- active`, each with data of its own that hides some of what lies below. */
export const chainNames = ['base', 's1', 's2', 's3', 'active'] as const;
export type ChainName = (typeof chainNames)[number];

export const makeChain = (folder: string, prefix: string): Record<ChainName, string> => {
  const path = (name: string) => join(folder, `${prefix}-${name}.qcow2`);
  for (const [index, name] of chainNames.entries()) {
    const below = chainNames[index - 1];
    if (below === undefined) qemuImg('create', '-q', '-f', 'qcow2', path(name), String(virtualSize));
    else qemuImg('create', '-q', '-f', 'qcow2', '-b', `${prefix}-${below}.qcow2`, '-F', 'qcow2', path(name));
    write(path(name), index * 6, 10, 0x10 + index);
    write(path(name), 40 + index, 3, 0x20 + index);
  }
  return Object.fromEntries(chainNames.map((name) => [name, path(name)])) as Record<ChainName, string>;
};

/** The whole content of an image at this moment, as a file that stands on nothing. */
export const flatten = (path: string, target: string): string => {
  qemuImg('convert', '-U', '-O', 'raw', '-f', 'qcow2', path, target);
  return target;
};

/** By the ending, never by a guess at the contents. */
const formatOf = (path: string): string => {
  if (path.endsWith('.vhd')) return 'vpc';
  return path.endsWith('.raw') ? 'raw' : 'qcow2';
};

/** Throws unless both read the same; `path` may be in use by a reader. */
export const expectSameContent = (flat: string, path: string): void => {
  qemuImg('compare', '-U', '-f', 'raw', '-F', formatOf(path), flat, path);
};

export const expectHealthy = (path: string): void => {
  qemuImg('check', '-q', '-f', 'qcow2', path);
};

export const backingOf = (path: string): string | null =>
  (JSON.parse(qemuImg('info', '-U', '-f', 'qcow2', '--output=json', path)) as Json)['backing-filename'] ??
  null;

/** The images of these files, as soon as the library knows them. */
export const imagesAt = async <Name extends string>(
  strata: Strata,
  paths: Record<Name, string>,
): Promise<Record<Name, Json>> => {
  await strata.ok('POST', '/folders/scan');
  const { items } = await until(
    'the library knows the files',
    () => strata.ok('GET', '/images?limit=1000'),
    (list) => Object.values(paths).every((path) => list.items.some((image: Json) => image.path === path)),
  );
  return Object.fromEntries(
    Object.entries(paths).map(([name, path]) => [name, items.find((image: Json) => image.path === path)]),
  ) as Record<Name, Json>;
};

export const copyOf = (path: string, target: string): string => {
  copyFileSync(path, target);
  return target;
};

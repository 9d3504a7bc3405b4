import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { imagesAt } from '../images.ts';
import type { Random } from '../random.ts';
import { finished, type Json, type Strata } from '../strata.ts';

const kilobyte = 1024;
const megabyte = 1024 ** 2;
const smallest = 24 * megabyte;

const qemuImg = (...args: string[]): void => {
  execFileSync('qemu-img', args, { stdio: 'pipe' });
};

/** What a guest would have written: a few ranges with bytes of their own, some of them not at a cluster's edge. */
export const scribble = (random: Random, path: string, format: string): void => {
  const writes = Array.from({ length: 2 + random.int(3) }, () => {
    const length = (4 + random.int(1000)) * 4 * kilobyte;
    const offset = random.int((smallest - length) / 4096) * 4096;
    const zeroes = format === 'qcow2' && random.chance(0.15);
    // Zeros stored as data are what compacting gives back.
    const pattern = random.chance(0.2) ? 0 : 1 + random.int(250);
    return zeroes ? `write -z ${offset} ${length}` : `write -P ${pattern} ${offset} ${length}`;
  });
  execFileSync('qemu-io', ['-f', format, ...writes.flatMap((write) => ['-c', write]), path], {
    stdio: 'pipe',
  });
};

export interface Layer {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  readonly size: number;
}

export const newLayer = (random: Random, folder: string, name: string, backing: Layer | null): Layer => {
  const format = backing === null && random.chance(0.25) ? 'raw' : 'qcow2';
  const path = join(folder, `${name}.${format}`);
  const size = (backing?.size ?? smallest) + (random.chance(0.2) ? megabyte : 0);
  if (backing === null) qemuImg('create', '-q', '-f', format, path, String(size));
  else
    qemuImg(
      ...['create', '-q', '-f', format, '-b', basename(backing.path), '-F', backing.format, path],
      String(size),
    );
  scribble(random, path, format);
  return { path, format, size };
};

/** One tree: a trunk of three to five layers with up to two branches. Answers all layers and those at the tips. */
const newTree = (random: Random, folder: string, name: string): { layers: Layer[]; tips: Layer[] } => {
  const grow = (stem: string, below: Layer | null, depth: number): Layer[] => {
    const layers: Layer[] = [];
    for (let at = 0; at < depth; at += 1)
      layers.push(newLayer(random, folder, `${stem}${at}`, layers.at(-1) ?? below));
    return layers;
  };
  const trunk = grow(name, null, 3 + random.int(3));
  const branches = Array.from({ length: random.int(3) }, (_, at) =>
    grow(`${name}-b${at}-`, random.pick(trunk.slice(0, -1)), 1 + random.int(2)),
  );
  const chains = [trunk, ...branches];
  return { layers: chains.flat(), tips: chains.map((chain) => chain.at(-1) as Layer) };
};

/** Where there is another disk: moving a file there is copying it. */
const otherDisk = ({ dataDir }: Strata): string[] => {
  const disk = ['/dev/shm', homedir()].find(
    (path) => existsSync(path) && statSync(path).dev !== statSync(dataDir).dev,
  );
  return disk === undefined ? [] : [join(disk, `${basename(dataDir)}-other`)];
};

/** Those of forests whose test has failed go at the end too. */
const left = new Set<string>();
const removeFolders = (folders: Iterable<string>): void => {
  for (const path of folders) {
    rmSync(path, { recursive: true, force: true });
    left.delete(path);
  }
};
process.once('exit', () => removeFolders(left));

/** Where files of other tools lie, which no library knows. */
export const foreignFolder = ({ dataDir }: Strata): string => `${dataDir}-foreign`;

/** Where files may be moved to; the answer undoes it. */
const addFolders = async (strata: Strata): Promise<() => void> => {
  const folders = [`${strata.dataDir}-more`, ...otherDisk(strata)];
  for (const path of folders) {
    left.add(path);
    mkdirSync(path, { mode: 0o700 });
    await strata.ok('POST', '/folders', { path });
  }
  const foreign = foreignFolder(strata);
  left.add(foreign);
  return () => removeFolders([...folders, foreign]);
};

/** A random forest in the server's library, with VMs at some of its tips and snapshots of some of these. Answers what removes its folders. */
export const growForest = async (random: Random, strata: Strata): Promise<() => void> => {
  const remove = await addFolders(strata);
  const folder = join(strata.dataDir, 'images');
  mkdirSync(folder, { recursive: true });
  const trees = Array.from({ length: 2 }, (_, at) => newTree(random, folder, `t${at}-`));
  const layers = trees.flatMap((tree) => tree.layers);
  const images = await imagesAt(strata, Object.fromEntries(layers.map(({ path }) => [path, path])));
  const tips = random.shuffled(trees.flatMap((tree) => tree.tips)).map(({ path }) => images[path]);

  for (let at = 0; at < 3 && tips.length > 0; at += 1) {
    const disks = tips.splice(0, random.chance(0.3) ? 2 : 1).map(({ id }) => ({ imageId: id }));
    const vm = await strata.ok('POST', '/vms', { name: `vm${at}`, memory: '64M', disks, nics: [] });
    for (let taken = random.int(3); taken > 0; taken -= 1) await takeAtRest(random, strata, vm.id);
    if (random.chance(0.7)) await strata.ok('POST', `/vms/${vm.id}/start`);
  }
  return remove;
};

const takeAtRest = async (random: Random, strata: Strata, vmId: string): Promise<void> => {
  const name = `kept ${random.int(1000)}`;
  await finished(strata, await strata.ok('POST', `/vms/${vmId}/snapshots?wait=30`, { name }));
  const vm: Json = await strata.ok('GET', `/vms/${vmId}`);
  for (const { imageId } of vm.disks) {
    const { path, format } = await strata.ok('GET', `/images/${imageId}`);
    scribble(random, path, format);
  }
};

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Json, Strata } from '../strata.ts';

const exec = promisify(execFile);
const atOnce = 3;

export interface SeenImage {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly format: string;
  readonly backingId: string | null;
  /** Of every byte it reads as, from end to end. */
  readonly content: string;
}

export interface SeenVm {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly disks: readonly { readonly id: string; readonly imageId: string }[];
}

export interface SeenSnapshot {
  readonly id: string;
  readonly name: string;
  readonly vmId: string;
  readonly disks: readonly { readonly diskId: string; readonly imageId: string }[];
}

/** All that must not change by itself. */
export interface World {
  readonly images: ReadonlyMap<string, SeenImage>;
  readonly vms: ReadonlyMap<string, SeenVm>;
  readonly snapshots: ReadonlyMap<string, SeenSnapshot>;
  /** Paths of the library's folders. */
  readonly folders: readonly string[];
  /** Files in them that are being made, or were when somebody was killed. */
  readonly unfinished: ReadonlySet<string>;
}

const inTurn = async <Item, Result>(
  items: readonly Item[],
  work: (item: Item, at: number) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await work(items[at] as Item, at);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
};

/** A flattened copy, hashed; `-U` because a running VM without any guest system writes nothing. */
export const contentOf = async (
  image: { readonly id: string; readonly path: string; readonly format: string },
  scratch: string,
): Promise<string> => {
  const flat = join(scratch, `${image.id}.raw`);
  await exec('qemu-img', ['convert', '-U', '-f', image.format, '-O', 'raw', image.path, flat]);
  const hash = createHash('sha256');
  await pipeline(createReadStream(flat), hash);
  rmSync(flat);
  return hash.digest('hex');
};

const allOf = (nodes: Json[]): Json[] => nodes.flatMap((node) => [node, ...allOf(node.children)]);

const isHidden = (name: string): boolean => name.startsWith('.');

export const observe = async (strata: Strata, scratch: string): Promise<World> => {
  const [images, vms]: [Json, Json] = [
    await strata.ok('GET', '/images?limit=1000'),
    await strata.ok('GET', '/vms'),
  ];
  const folders: string[] = (await strata.ok('GET', '/folders')).items.map(({ path }: Json) => path);
  const contents = await inTurn(images.items as SeenImage[], (image) => contentOf(image, scratch));
  const trees = await inTurn(vms.items as Json[], (vm) => strata.ok('GET', `/vms/${vm.id}/snapshots`));
  const byId = <Item extends { readonly id: string }>(items: readonly Item[]) =>
    new Map(items.map((item) => [item.id, item]));
  return {
    images: byId(images.items.map((image: Json, at: number) => ({ ...image, content: contents[at] ?? '' }))),
    vms: byId(vms.items.map((vm: Json) => ({ ...vm, pid: vm.pid ?? null }))),
    snapshots: byId(trees.flatMap(({ tree }) => allOf(tree))),
    folders,
    unfinished: new Set(
      folders.flatMap((folder) =>
        readdirSync(folder)
          .filter(isHidden)
          .map((name) => join(folder, name)),
      ),
    ),
  };
};

interface Header {
  readonly 'backing-filename'?: string;
  readonly 'full-backing-filename'?: string;
}

/** Where the forest of the API differs from the headers on disk, or a file is not whole; no words when it is well. */
export const complaintsOfFiles = async (world: World): Promise<string[]> => {
  const images = [...world.images.values()];
  const written = new Set(
    [...world.vms.values()]
      .filter((vm) => vm.pid !== null)
      .flatMap((vm) => vm.disks.map((disk) => disk.imageId)),
  );
  const ofImages = await inTurn(images, async (image) => {
    const { stdout } = await exec('qemu-img', [
      'info',
      '-U',
      '-f',
      image.format,
      '--output=json',
      image.path,
    ]);
    const name = (JSON.parse(stdout) as Header)['backing-filename'];
    const onDisk = name === undefined ? null : realpathSync(resolve(dirname(image.path), name));
    const byApi = image.backingId === null ? null : (world.images.get(image.backingId)?.path ?? '(gone)');
    const complaints = onDisk === byApi ? [] : [`${image.name} stands on ${onDisk}, the API says ${byApi}`];
    // The tables of a disk that is being written are in QEMU's memory; the end of the test checks them.
    if (image.format === 'qcow2' && !written.has(image.id)) {
      const check = await exec('qemu-img', ['check', '-f', 'qcow2', image.path]).catch(
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
      // 3: only leaks. A process that is killed between taking a cluster and using it leaves one; no content is lost.
      if ('code' in check && check.code !== 3)
        complaints.push(`check of ${image.name}: ${check.stdout}${check.stderr}`);
    }
    return complaints;
  });
  const known = new Set(images.map(({ path }) => path));
  const strays = world.folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      // What a killed server was making has a hidden name, and goes when it is ten minutes old.
      .filter((entry) => entry.isFile() && !isHidden(entry.name) && !known.has(join(folder, entry.name)))
      .map((entry) => `${entry.name} lies in the library and the API does not know it`),
  );
  return [...ofImages.flat(), ...strays];
};

/** Sockets, pid files and logs of storage daemons that nobody cleaned up. */
export const leftoversOfDaemons = (strata: Strata): string[] => {
  const run = join(strata.dataDir, 'run');
  return existsSync(run) ? readdirSync(run).filter((name) => name.startsWith('d-')) : [];
};

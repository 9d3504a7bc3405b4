import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { ChainMember } from '../qemu/block-engine.types.ts';

/** Runs a program to its end; throws with its stderr in the message. */
export const run = promisify(execFile);

/** Bottom first. In three folders, so that no backing string is a bare name all the way. */
const layerFiles = ['library/base', 'vm/snaps/s1', 'vm/snaps/s2', 'vm/snaps/s3', 'vm/active'] as const;
export type LayerName = 'base' | 's1' | 's2' | 's3' | 'active';

const blockSize = 64 * 1024;
const blockCount = 256;
export const chainSize = blockSize * blockCount;

/**
 *     base ← s1 ← s2 ← s3 ← active
 *
 * Five layers on real files, each with its own bytes in some blocks, some of them over those of layers below; and for each layer
 * a flat copy of what it reads, made before anything happened to it.
 */
export class DiskChain {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `baseFormat` and `withoutFormats`: what people bring along. */
  static async make(
    options: { baseFormat?: 'qcow2' | 'raw'; withoutFormats?: boolean } = {},
  ): Promise<DiskChain> {
    const chain = new DiskChain(await mkdtemp(join(tmpdir(), 'chain-')));
    await mkdir(join(chain.folder, 'library'));
    await mkdir(join(chain.folder, 'vm/snaps'), { recursive: true });
    const baseFormat = options.baseFormat ?? 'qcow2';
    await run('qemu-img', ['create', '-q', '-f', baseFormat, chain.path('base'), String(chainSize)]);
    await writeBlocks(chain.path('base'), 0, baseFormat);
    for (const [depth, name] of chain.names().entries()) {
      const below = chain.names()[depth - 1];
      if (below)
        await addOverlay(chain.path(name), chain.path(below), below === 'base' ? baseFormat : 'qcow2');
      if (below) await writeBlocks(chain.path(name), depth, 'qcow2');
    }
    for (const name of chain.names()) {
      const format = name === 'base' ? baseFormat : 'qcow2';
      await run('qemu-img', ['convert', '-f', format, '-O', 'qcow2', chain.path(name), chain.flat(name)]);
    }
    if (options.withoutFormats)
      for (const name of chain.names().slice(1)) await dropBackingFormat(chain.path(name));
    return chain;
  }

  /** The same files again, in a folder of their own: links are relative. */
  async copy(): Promise<DiskChain> {
    const copy = new DiskChain(await mkdtemp(join(tmpdir(), 'chain-')));
    await cp(this.folder, copy.folder, { recursive: true });
    return copy;
  }

  names(): LayerName[] {
    return layerFiles.map((file) => basename(file) as LayerName);
  }

  path(name: LayerName): string {
    const file = layerFiles.find((candidate) => basename(candidate) === name) ?? '';
    return join(this.folder, `${file}.img`);
  }

  flat(name: LayerName): string {
    return join(this.folder, `${name}.flat`);
  }

  /** The members from this one down, as an engine takes them. */
  members(top: LayerName): ChainMember[] {
    const names = this.names();
    return names
      .slice(0, names.indexOf(top) + 1)
      .reverse()
      .map((name) => ({ path: this.path(name), format: 'qcow2' }));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function addOverlay(path: string, below: string, format: string): Promise<void> {
  const name = relative(dirname(path), below);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', name, '-F', format, path]);
}

/** Every layer gets its own runs of blocks; the runs of different layers overlap, so that layers hide each other. */
async function writeBlocks(path: string, depth: number, format: string): Promise<void> {
  const writes: string[] = [];
  for (let block = depth * 3; block < blockCount; block += 13 + depth * 4) {
    const pattern = 1 + ((block * 7 + depth * 50) % 250);
    const blocks = Math.min(2 + (block % 5), blockCount - block);
    writes.push('-c', `write -P ${pattern} ${block * blockSize} ${blocks * blockSize}`);
  }
  await run('qemu-io', ['-f', format, ...writes, path]);
}

/** Turns the header extension “backing format” (0xe2792aca) into one that readers skip. */
async function dropBackingFormat(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const header = Buffer.alloc(4096);
    await file.read(header, 0, header.length, 0);
    const at = header.indexOf(Buffer.from([0xe2, 0x79, 0x2a, 0xca]));
    if (at === -1) throw new Error(`${path} has no backing format`);
    await file.write(Buffer.from([0x53, 0x4b, 0x49, 0x50]), 0, 4, at);
  } finally {
    await file.close();
  }
}

/** Throws unless both read the same, byte for byte, through their whole chains. */
export async function expectSameContent(path: string, flat: string, format = 'qcow2'): Promise<void> {
  await run('qemu-img', ['compare', '-f', format, '-F', 'qcow2', path, flat]);
}

/** The backing string in the header, as it is written there. */
export async function backingStringOf(path: string): Promise<string | null> {
  const { stdout } = await run('qemu-img', ['info', '-U', '-f', 'qcow2', '--output=json', path]);
  const info = JSON.parse(stdout) as { 'backing-filename'?: string };
  return info['backing-filename'] ?? null;
}

export async function expectSound(path: string): Promise<void> {
  await run('qemu-img', ['check', '-q', '-f', 'qcow2', path]);
}

import { dirname, resolve } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { AppError } from '../app-error.ts';
import type { ChainMember } from './block-engine.types.ts';
import { realPathOf } from './block-graph.ts';
import { readQcow2Header } from './read-header.ts';

export const topNodeName = 'top';
export const topFileName = 'top-file';

type BlockdevOptions = Record<string, unknown>;

const driverOf = (format: ImageFormat): string => (format === 'iso' ? 'raw' : format);

/** What the header of a member says about the one below; null where nothing (more) has to be said when it is opened. */
type BelowIs = 'as-recorded' | 'without-format' | 'nothing';

/**
 * The options that open a chain with a named top node. The layers below are left to QEMU, which follows the headers
 * (qemu-recipes.md §0: file names stay plain and merged nodes vanish by themselves) — after these headers were read and found to
 * say exactly what the caller expects, formats included. A header without a backing format would make QEMU guess: from
 * there on down the members are given explicitly. `layers`: only so many are opened, the last as if it stood on nothing.
 */
export async function chainOptions(
  chain: readonly ChainMember[],
  layers = chain.length,
  /** The top is opened for reading, beside other readers. */
  readOnly = false,
): Promise<BlockdevOptions> {
  const [top] = chain;
  if (!top) throw new AppError('internal-error', 'A chain of no layers cannot be opened.');
  const opened = chain.slice(0, layers);
  const links = await Promise.all(opened.map((member, depth) => readLink(member, chain[depth + 1])));
  const mode = readOnly ? { 'read-only': true } : {};
  const fileNode = { driver: 'file', 'node-name': topFileName, filename: top.path, ...mode };
  const node = { driver: driverOf(top.format), 'node-name': topNodeName, file: fileNode, ...mode };
  return { ...node, ...backingOptions(opened, { links, isCut: opened.length < chain.length }, 0) };
}

/** `backing` for the member at this depth: only as deep as something has to be said. */
function backingOptions(
  chain: readonly ChainMember[],
  said: { readonly links: readonly BelowIs[]; readonly isCut: boolean },
  depth: number,
): BlockdevOptions {
  const below = chain[depth + 1];
  if (!below) return said.isCut ? { backing: null } : {};
  if (!said.isCut && !said.links.slice(depth).includes('without-format')) return {};
  const file = { driver: 'file', filename: below.path };
  return {
    backing: { driver: driverOf(below.format), file, ...backingOptions(chain, said, depth + 1) },
  };
}

async function readLink(member: ChainMember, below: ChainMember | undefined): Promise<BelowIs> {
  // Of the formats, only qcow2 layers stand on others here.
  if (member.format !== 'qcow2') {
    if (below) throw new AppError('plan-stale', `${member.path} is ${member.format} and stands on nothing.`);
    return 'nothing';
  }
  const { backing } = await readQcow2Header(member.path);
  const name = backing?.string;
  if (name === undefined && !below) return 'nothing';
  if (name === undefined || !below || !(await isSameFile(member.path, name, below.path)))
    throw new AppError(
      'plan-stale',
      `${member.path} stands on ${name ?? 'nothing'} now, not on ${below?.path ?? 'nothing'}.`,
    );
  const format = backing?.format ?? null;
  if (format === null) return 'without-format';
  if (format !== driverOf(below.format))
    throw new AppError(
      'plan-stale',
      `${member.path} takes ${below.path} for ${format}, not ${below.format}.`,
    );
  return 'as-recorded';
}

const isSameFile = async (overlay: string, name: string, below: string): Promise<boolean> =>
  (await realPathOf(resolve(dirname(overlay), name))) === (await realPathOf(below));

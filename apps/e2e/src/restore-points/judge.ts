import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Json, type Strata, until } from '../strata.ts';
import { blockBytes, devices, diskBytes, type Machine, vmOf, withGuest } from './machines.ts';

const exec = promisify(execFile);
const all = (nodes: Json[]): Json[] => nodes.flatMap((node) => [node, ...all(node.children)]);

/** What the image, or a tag in it, reads as; `-U`: no guest writes meanwhile, and what it wrote it has flushed. */
const contentOf = async (image: Json, tag: string | undefined, scratch: string): Promise<Buffer> => {
  const flat = join(scratch, 'flat.raw');
  const inside = tag === undefined ? [] : ['-l', `snapshot.name=${tag}`];
  await exec('qemu-img', ['convert', '-U', '-f', image.format, ...inside, '-O', 'raw', image.path, flat]);
  const content = await readFile(flat);
  await rm(flat);
  return content;
};

const differing = (found: Buffer, wanted: Buffer): string => {
  if (found.length !== wanted.length) return `it has ${found.length} bytes instead of ${wanted.length}`;
  const blocks = Array.from({ length: wanted.length / blockBytes }, (_, block) => block * blockBytes);
  const wrong = blocks.filter(
    (at) => !found.subarray(at, at + blockBytes).equals(wanted.subarray(at, at + blockBytes)),
  );
  return `${wrong.length} of ${blocks.length} blocks differ, the first at ${wrong[0]}`;
};

interface Shown {
  readonly imageId: string;
  readonly internalTag?: string;
}
const complaintsOfDisks = async (
  strata: Strata,
  scratch: string,
  what: string,
  shown: readonly Shown[],
  wanted: readonly Buffer[],
): Promise<string[]> => {
  const complaints: string[] = [];
  for (const [at, disk] of wanted.entries()) {
    const { imageId, internalTag } = shown[at] ?? { imageId: 'none' };
    const found = await contentOf(await strata.ok('GET', `/images/${imageId}`), internalTag, scratch);
    if (!found.equals(disk)) complaints.push(`${what}, disk ${at}: ${differing(found, disk)}`);
  }
  return complaints;
};

/** Every restore point there must be is there, and reads what was written before it was taken; no other is. */
const complaintsOfMachine = async (strata: Strata, scratch: string, machine: Machine): Promise<string[]> => {
  const { vmId, name, points } = machine;
  const listed = all((await strata.ok('GET', `/vms/${vmId}/snapshots`)).tree);
  const complaints: string[] = listed
    .filter(({ id }) => !points.has(id))
    .map((snapshot) => `${name} has “${snapshot.name}”, which nobody took`);
  for (const point of points.values()) {
    const snapshot = listed.find(({ id }) => id === point.id);
    const what = `“${point.name}” of ${name}`;
    if (snapshot === undefined) complaints.push(`${what} is gone`);
    else {
      if (snapshot.memory !== (point.memory !== null)) complaints.push(`${what}: memory ${snapshot.memory}`);
      complaints.push(...(await complaintsOfDisks(strata, scratch, what, snapshot.disks, point.disks)));
    }
  }
  const { disks } = await vmOf(strata, machine);
  return [...complaints, ...(await complaintsOfDisks(strata, scratch, `${name} now`, disks, machine.disks))];
};

export const complaintsOfAll = async (
  strata: Strata,
  scratch: string,
  machines: readonly Machine[],
): Promise<string[]> => {
  mkdirSync(scratch, { recursive: true });
  const complaints: string[] = [];
  for (const machine of machines) complaints.push(...(await complaintsOfMachine(strata, scratch, machine)));
  return complaints;
};

/** What the guest itself has in memory, and reads on its disks past all caches. */
export const complaintsOfGuest = (strata: Strata, machine: Machine): Promise<string[]> =>
  withGuest(strata, machine, async (guest) => {
    const counter = Number(await guest.command('marked'));
    const bootId = await guest.command('boot-id');
    const complaints: string[] = [];
    if (counter !== machine.memory?.counter)
      complaints.push(`the guest counts ${counter} instead of ${machine.memory?.counter}`);
    if (bootId !== machine.memory?.bootId) complaints.push('the guest is another boot');
    for (const [at, device] of devices.entries()) {
      const sum = await guest.command(`sum ${device} 0 ${diskBytes / blockBytes}`);
      const wanted = createHash('sha256')
        .update(machine.disks[at] ?? '')
        .digest('hex');
      if (sum !== wanted) complaints.push(`the guest reads other bytes on ${device}`);
    }
    return complaints;
  });

/** With every VM off: each file whole, no memory without its restore point. */
export const complaintsOfFiles = async (strata: Strata, machines: readonly Machine[]): Promise<string[]> => {
  const { items } = await strata.ok('GET', '/images?limit=1000');
  const complaints: string[] = [];
  for (const { format, path } of items as Json[])
    await exec('qemu-img', ['check', '-f', format, path]).catch((error: { stdout?: string }) =>
      complaints.push(`${path}: ${error.stdout}`),
    );
  for (const { vmId, name } of machines) {
    const folder = join(strata.dataDir, 'vms', vmId, 'memory');
    const listed = all((await strata.ok('GET', `/vms/${vmId}/snapshots`)).tree);
    const used = listed.filter(({ kind, memory }) => kind === 'external' && memory).length;
    // What was given up goes in the background.
    await until(
      `the memory of ${name} that nobody needs is gone`,
      () => Promise.resolve(existsSync(folder) ? readdirSync(folder).length : 0),
      (files) => files === used,
    ).catch((error: Error) => complaints.push(error.message));
  }
  return complaints;
};

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { archiveFlaw } from '../archives/archive-flaw.ts';
import type { Bundle, BundleEntry } from '../archives/bundle.types.ts';
import { type OvfMachine, readOvf } from './read-ovf.ts';
import { XmlFlaw } from './read-xml.ts';
import { type MappedVm, vmOfOvf } from './vm-of-ovf.ts';

const longestText = 4 * 1024 ** 2;

export interface WantedFile {
  readonly entry: BundleEntry;
  readonly fileId: string;
  readonly compressed: boolean;
  /** Algorithm and sum, from the manifest. */
  readonly digest: readonly [string, string] | null;
}

const textOf = async (entry: BundleEntry, filename: string): Promise<Buffer> => {
  if (entry.size > longestText)
    throw archiveFlaw(filename, `“${entry.name}” in it is larger than any description.`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of entry.open()) {
    size += chunk.length;
    if (size > longestText)
      throw archiveFlaw(filename, `“${entry.name}” in it is larger than any description.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** `SHA256(disk.vmdk)= 0123…`, a line a file. */
const readManifest = (text: string): Map<string, readonly [string, string]> =>
  new Map(
    [...text.matchAll(/^SHA(1|256|512)\s*\(([^)\r\n]+)\)\s*=\s*([0-9a-f]{40,128})\s*$/gim)].map(
      ([, kind = '', name = '', sum = '']) => [name, [`sha${kind}`, sum.toLowerCase()] as const],
    ),
  );

const below = (folder: string, href: string): string => (folder === '.' ? href : `${folder}/${href}`);

const machineIn = (text: Buffer, filename: string): OvfMachine => {
  try {
    return readOvf(text.toString('utf8'));
  } catch (error) {
    if (error instanceof XmlFlaw)
      throw archiveFlaw(filename, `its description cannot be read: ${error.message}.`, error);
    throw error;
  }
};

const wantedFiles = (
  { files }: OvfMachine,
  vm: MappedVm,
  find: (href: string) => { entry: BundleEntry; digest: WantedFile['digest'] },
  filename: string,
): WantedFile[] => {
  const ids = [...new Set(vm.drives.flatMap(({ fileId }) => (fileId === null ? [] : [fileId])))];
  return ids.map((fileId) => {
    const file = files.find(({ id }) => id === fileId);
    if (file === undefined)
      throw archiveFlaw(filename, `its description names a file “${fileId}” that it does not list.`);
    if (file.isChunked)
      throw archiveFlaw(filename, `“${file.href}” in it is cut into pieces. Export the VM with whole files.`);
    if (file.compression !== null && !/^(gzip|identity)$/i.test(file.compression))
      throw archiveFlaw(
        filename,
        `“${file.href}” in it is packed by “${file.compression}”, which Strata does not know.`,
      );
    return { fileId, compressed: /^gzip$/i.test(file.compression ?? ''), ...find(file.href) };
  });
};

/** The VM that an OVF in a bundle describes, with the files it needs; null when there is none. */
export const readMachine = async (
  bundle: Bundle,
  filename: string,
  name: string,
): Promise<{ vm: MappedVm; files: WantedFile[] } | null> => {
  const wanted = filename.toLowerCase().endsWith('.ovf')
    ? ({ name }: BundleEntry) => name === filename
    : ({ name }: BundleEntry) => /\.ovf$/i.test(name);
  const [ovf, second] = bundle.entries.filter(wanted);
  if (ovf === undefined) return null;
  if (second !== undefined) throw archiveFlaw(filename, 'it describes more than one VM.');
  const folder = dirname(ovf.name);
  const stem = ovf.name.slice(0, -'.ovf'.length);
  const list = bundle.entries.find((entry) => entry.name === `${stem}.mf`);
  const manifest =
    list === undefined
      ? new Map<string, readonly [string, string]>()
      : readManifest((await textOf(list, filename)).toString('utf8'));
  const text = await textOf(ovf, filename);
  const own = manifest.get(ovf.name.slice(folder === '.' ? 0 : folder.length + 1));
  if (own !== undefined && createHash(own[0]).update(text).digest('hex') !== own[1])
    throw archiveFlaw(filename, 'its description does not have the check sum that its manifest gives.');
  const machine = machineIn(text, filename);
  if (machine.machines !== 1)
    throw archiveFlaw(
      filename,
      machine.machines === 0 ? 'it describes no VM.' : 'it describes more than one VM.',
    );
  const vm = vmOfOvf(machine, name);
  const find = (href: string) => {
    const entry = bundle.entries.find((each) => each.name === below(folder, href));
    if (entry === undefined)
      throw archiveFlaw(filename, `the file “${href.slice(0, 200)}” that it needs is not in it.`);
    return { entry, digest: manifest.get(href) ?? null };
  };
  return { vm, files: wantedFiles(machine, vm, find, filename) };
};

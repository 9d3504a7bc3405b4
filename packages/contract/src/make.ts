import { z } from 'zod';
import {
  bytes,
  diskSizeInput,
  displayName,
  hostPath,
  id,
  sizeInput,
  useReserve,
  waitQuery,
} from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';

/** Where a new image goes. */
const target = {
  name: displayName,
  /** A folder of the library; the default folder when left out. */
  folder: hostPath.optional(),
  useReserve,
};

/** What the files of a new image are: one of the two. They will be in its root. */
const files = {
  /** A folder of the host. */
  source: hostPath.optional(),
  /** A tar that was uploaded with the purpose `make`. It is removed when the image is there. */
  upload: id.optional(),
};
interface Files {
  readonly source?: string | undefined;
  readonly upload?: string | undefined;
}
const fromOne = ({ source, upload }: Files): boolean => (source === undefined) !== (upload === undefined);
const fromOneWords = {
  path: ['source'],
  message: 'give a folder of the host (source) or files that were sent (upload), and not both',
};

/** The name of a disc, as a guest shows it. ISO 9660 has room for 32 characters, Joliet for 16 of them. */
export const discLabel = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/,
    'must be 1 to 32 letters, digits, "_", "-" or ".", and begin with a letter or digit',
  );

export const makeIsoBody = z
  .strictObject({
    ...target,
    ...files,
    label: discLabel.default('STRATA'),
    /** Long names for Windows as well. Those for Unix (Rock Ridge) are always there. */
    joliet: z.boolean().default(true),
  })
  .refine(fromOne, fromOneWords);
export type MakeIso = z.output<typeof makeIsoBody>;

/** What cloud-init takes for user data; anything else it passes over without a word. */
const userDataBeginning =
  /^(#cloud-config|#!|#include|#cloud-boothook|#part-handler|## template: *jinja|Content-Type:|MIME-Version:)/i;

/** All three together fit into a request. */
const seedText = (most: number) =>
  z
    .string()
    .overwrite((text) => text.replace(/\r\n?/g, '\n'))
    .max(most, `must be at most ${most.toLocaleString('en')} characters`)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\t])*$/u, 'must not contain control characters');

export const makeSeedBody = z.strictObject({
  ...target,
  userData: seedText(40_000).regex(
    userDataBeginning,
    'must begin with #cloud-config, #! or another beginning that cloud-init knows',
  ),
  /** Left out: an `instance-id` of its own, so that a guest takes each new seed for its first. */
  metaData: seedText(4000).optional(),
  /** Left out: the guest asks by DHCP. */
  networkConfig: seedText(8000).optional(),
});
export type MakeSeed = z.output<typeof makeSeedBody>;

export const floppyLabel = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9_-]{0,10}$/, 'must be 1 to 11 capital letters, digits, "_" or "-"');

const kilobytes = z.union([z.literal(720), z.literal(1440), z.literal(2880)]);
export const makeFloppyBody = z
  .strictObject({
    ...target,
    ...files,
    kilobytes: kilobytes.default(1440),
    label: floppyLabel.default('STRATA'),
  })
  .refine(fromOne, fromOneWords);
export type MakeFloppy = z.output<typeof makeFloppyBody>;

/** Of a file system on a disk: FAT has room for 11 characters, in capitals; ext4 for 16. */
export const diskLabels = {
  fat32: floppyLabel,
  ext4: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,15}$/,
      'must be 1 to 16 letters, digits, "_", "-" or ".", and begin with a letter or digit',
    ),
} as const;

/** How a disk with a file system is laid out. */
const layout = {
  format: z.enum(['qcow2', 'raw']).default('qcow2'),
  fileSystem: z.enum(['ext4', 'fat32']).default('ext4'),
  /** `none`: the file system fills the disk from its first byte on. */
  table: z.enum(['gpt', 'mbr', 'none']).default('gpt'),
  /** The type of the partition says that firmware boots from it. FAT32 in a partition only. */
  efi: z.boolean().default(false),
  /** Of the whole disk. Left out: as large as its files need, and `free` more. */
  size: diskSizeInput.optional(),
  free: z
    .union([z.literal(0), sizeInput])
    .refine((size) => size <= 1024 ** 4, 'must be at most 1 TiB')
    .default(64 * 1024 ** 2),
};

export const makeDiskBody = z
  .strictObject({ ...target, ...files, ...layout, label: z.string().default('STRATA') })
  .refine(fromOne, fromOneWords)
  .refine(({ efi, fileSystem, table }) => !efi || (fileSystem === 'fat32' && table !== 'none'), {
    path: ['efi'],
    message: 'firmware boots from FAT32 in a partition only',
  })
  .superRefine(({ fileSystem, label }, context) => {
    const issue = diskLabels[fileSystem].safeParse(label).error?.issues[0];
    if (issue !== undefined) context.addIssue({ code: 'custom', path: ['label'], message: issue.message });
  });
export type MakeDisk = z.output<typeof makeDiskBody>;

/** What would become of files; of those that were not sent yet it is enough to say how many and how large they are. */
export const makeForecastBody = z
  .strictObject({
    kind: z.enum(['iso', 'floppy', 'disk']),
    ...files,
    files: z.strictObject({ entries: z.int().min(1), bytes }).optional(),
    folder: hostPath.optional(),
    useReserve,
    kilobytes: kilobytes.default(1440),
    ...layout,
  })
  .refine(
    ({ source, upload, files: told }) =>
      [source, upload, told].filter((one) => one !== undefined).length === 1,
    { path: ['source'], message: 'give one of source, upload and files' },
  );
export type MakeForecastWish = z.output<typeof makeForecastBody>;

/** So many bytes would be taken in this folder, and so many may be taken; null: it does not say. */
const space = z.object({ folder: z.string(), needed: bytes, spendable: bytes.nullable() });

export const makeForecast = z.object({
  /** Files and folders. */
  entries: z.int(),
  bytes,
  /** What a guest sees; of an ISO about. */
  size: bytes,
  /** For good, and meanwhile. */
  spaces: z.array(space),
  /** Why it cannot be made so, in words. */
  blockers: z.array(z.string()),
});
export type MakeForecast = z.infer<typeof makeForecast>;

const wait = z.strictObject(waitQuery);

/** Images that are made of files. */
export const makeEndpoints = {
  makeIso: endpoint({
    method: 'POST',
    path: '/images/make-iso',
    summary: 'An ISO of a folder of the host or of files that were sent, with Rock Ridge and Joliet names',
    body: makeIsoBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  makeFloppy: endpoint({
    method: 'POST',
    path: '/images/make-floppy',
    summary: 'A floppy (FAT, as a PC formats it) of a folder of the host or of files that were sent',
    body: makeFloppyBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  makeDisk: endpoint({
    method: 'POST',
    path: '/images/make-disk',
    summary: 'A disk with a file system (ext4 or FAT32) of a folder of the host or of files that were sent',
    body: makeDiskBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  forecastMaking: endpoint({
    method: 'POST',
    path: '/images/make-forecast',
    summary: 'How large an image of files would be, and whether it can be made',
    body: makeForecastBody,
    responses: { 200: makeForecast },
  }),
  makeSeed: endpoint({
    method: 'POST',
    path: '/images/make-seed',
    summary: 'A seed ISO for cloud-init (NoCloud, label CIDATA)',
    body: makeSeedBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
} as const;

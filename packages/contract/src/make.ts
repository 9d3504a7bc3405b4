import { z } from 'zod';
import { displayName, hostPath, useReserve, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';

/** Where a new image goes. */
const target = {
  name: displayName,
  /** A folder of the library; the default folder when left out. */
  folder: hostPath.optional(),
  useReserve,
};

/** The name of a disc, as a guest shows it. ISO 9660 has room for 32 characters, Joliet for 16 of them. */
export const discLabel = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/,
    'must be 1 to 32 letters, digits, "_", "-" or ".", and begin with a letter or digit',
  );

export const makeIsoBody = z.strictObject({
  ...target,
  /** A folder of the host: what is in it will be in the root of the disc. */
  source: hostPath,
  label: discLabel.default('STRATA'),
  /** Long names for Windows as well. Those for Unix (Rock Ridge) are always there. */
  joliet: z.boolean().default(true),
});
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

export const makeFloppyBody = z.strictObject({
  ...target,
  /** A folder of the host: what is in it will be in the root of the floppy. */
  source: hostPath,
  kilobytes: z.union([z.literal(720), z.literal(1440), z.literal(2880)]).default(1440),
  label: floppyLabel.default('STRATA'),
});
export type MakeFloppy = z.output<typeof makeFloppyBody>;

const wait = z.strictObject(waitQuery);

/** Images that are made of files. */
export const makeEndpoints = {
  makeIso: endpoint({
    method: 'POST',
    path: '/images/make-iso',
    summary: 'An ISO of a folder of the host, with Rock Ridge and Joliet names',
    body: makeIsoBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  makeFloppy: endpoint({
    method: 'POST',
    path: '/images/make-floppy',
    summary: 'A floppy (FAT, as a PC formats it) of a folder of the host',
    body: makeFloppyBody,
    query: wait,
    responses: { 200: operation, 202: operation },
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

import { z } from 'zod';
import { bytes, displayName, hostPath, id, list, problem, useReserve, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';

/** The kernel's name of a whole disk and its sequence number: another disk in the same place has another id. */
export const deviceId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9!_.-]{0,79}$/, 'is not the id of a device');

export const deviceKind = z.enum(['disk', 'optical', 'floppy', 'loop']);

const devicePartition = z.object({
  number: z.int(),
  path: z.string(),
  /** In bytes. */
  start: bytes,
  size: bytes,
  fileSystem: z.string().nullable(),
  label: z.string().nullable(),
});

/** By which one disk is told from every other one that was in its place. */
export const deviceIdentity = z.strictObject({
  serial: z.string().nullable(),
  size: bytes,
  /** Given anew by the kernel for each disk and each medium; null on kernels before 5.15. */
  diskseq: z.int().nullable(),
  majorMinor: z.string(),
});
export type DeviceIdentity = z.infer<typeof deviceIdentity>;

export const device = z.object({
  id: deviceId,
  /** As the kernel calls it: `sdb`. */
  name: z.string(),
  path: z.string(),
  kind: deviceKind,
  bus: z.string().nullable(),
  vendor: z.string().nullable(),
  model: z.string().nullable(),
  wwn: z.string().nullable(),
  identity: deviceIdentity,
  size: bytes,
  sectorSize: z.int(),
  /** It, or its medium, can be taken out while the host runs. */
  removable: z.boolean(),
  readOnly: z.boolean(),
  /** Of a loop device: the file that it shows. */
  file: z.string().nullable(),
  fileSystem: z.string().nullable(),
  label: z.string().nullable(),
  partitions: z.array(devicePartition),
  /** What the host uses it for at this moment, in words. */
  uses: z.array(z.string()),
  /** Why it cannot be read, or not be written, now; empty: it can. */
  reading: z.object({ blockers: z.array(problem) }),
  writing: z.object({ blockers: z.array(problem) }),
});
export type Device = z.infer<typeof device>;
export type DevicePartition = Device['partitions'][number];

export const deviceList = list(device).extend({
  /** Of Strata as it was started. */
  writing: z.object({ enabled: z.boolean(), command: z.string(), limit: bytes }),
});
export type DeviceList = z.infer<typeof deviceList>;

export const readDeviceBody = z.strictObject({
  name: displayName,
  /** `iso` for a CD or DVD, and for a disk that an ISO was written to. */
  format: z.enum(['raw', 'qcow2', 'iso']).default('raw'),
  /** A folder of the library; the default folder when left out. */
  folder: hostPath.optional(),
  useReserve,
  plan: z.boolean().optional(),
});
export type ReadDevice = z.output<typeof readDeviceBody>;

export const readDevicePlan = z.object({
  device,
  bytes,
  /** What it may take at most, while it is made. */
  required: bytes,
  free: bytes.nullable(),
  folder: z.string(),
  notes: z.array(z.string()),
  blockers: z.array(problem),
  steps: z.array(z.string()),
});
export type ReadDevicePlan = z.infer<typeof readDevicePlan>;

export const writeDeviceBody = z
  .strictObject({
    device: deviceId,
    plan: z.boolean().optional(),
    /** These three, but for `plan`: of the plan that was shown, the device as it was then, and what was typed. */
    fingerprint: z.string().max(128).optional(),
    identity: deviceIdentity.optional(),
    confirmation: z.string().max(100).optional(),
  })
  .refine(
    ({ plan, fingerprint, identity, confirmation }) =>
      plan === true || (fingerprint !== undefined && identity !== undefined && confirmation !== undefined),
    {
      path: ['confirmation'],
      message: 'needs the fingerprint and the identity of a plan, and the words typed',
    },
  );
export type WriteDevice = z.output<typeof writeDeviceBody>;

export const writeDevicePlan = z.object({
  fingerprint: z.string(),
  device,
  image: z.object({ id, name: z.string(), virtualSize: bytes }),
  /** That are written from the beginning of the device on. */
  bytes,
  /** What is to be typed: the last four of its serial number, or, when it has none, its name. */
  confirmation: z.object({ kind: z.enum(['serial', 'name']), words: z.string() }),
  /** What is on the device now and will be lost. */
  loses: z.array(z.string()),
  notes: z.array(z.string()),
  blockers: z.array(problem),
  steps: z.array(z.string()),
});
export type WriteDevicePlan = z.infer<typeof writeDevicePlan>;

/** A part of a device that could not be read: zeros stand there in the image. */
export const unreadableRange = z.object({ offset: bytes, length: bytes });
export type UnreadableRange = z.infer<typeof unreadableRange>;
export const unreadable = z.object({
  bytes,
  count: z.int(),
  /** The first thousand of them. */
  ranges: z.array(unreadableRange),
});
export type Unreadable = z.infer<typeof unreadable>;

/** `result` of the operation. */
export const readDeviceResult = z.object({
  imageId: id,
  unreadable: unreadable.nullable(),
  words: z.string(),
});
export type ReadDeviceResult = z.infer<typeof readDeviceResult>;
export const writeDeviceResult = z.object({
  device: z.string(),
  bytes,
  verified: z.literal(true),
  /** Of what was read back. */
  sha256: z.string(),
  words: z.string(),
});
export type WriteDeviceResult = z.infer<typeof writeDeviceResult>;

const wait = z.strictObject(waitQuery);

/** Disks and discs of the host itself. */
export const deviceEndpoints = {
  listDevices: endpoint({
    method: 'GET',
    path: '/devices',
    summary: 'Whole disks and discs of the host, with the reasons why one cannot be read or written',
    responses: { 200: deviceList },
  }),
  readDevice: endpoint({
    method: 'POST',
    path: '/devices/:id/read',
    summary: 'Read a device into a new image; with `plan` only what that would take',
    params: z.strictObject({ id: deviceId }),
    query: wait,
    body: readDeviceBody,
    responses: { 200: z.union([operation, readDevicePlan]), 202: operation },
  }),
  writeDevice: endpoint({
    method: 'POST',
    path: '/images/:id/write-device',
    summary: 'Write what an image shows to a device, and read it back; with `plan` only what that would do',
    params: z.strictObject({ id }),
    query: wait,
    body: writeDeviceBody,
    responses: { 200: z.union([operation, writeDevicePlan]), 202: operation },
  }),
} as const;

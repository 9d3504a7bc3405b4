import { access, constants, type FileHandle, lstat, open } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { DeviceIdentity, Problem } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { type BlockDevice, type HostRoots, readBlockDevice } from './block-devices.ts';
import { majorMinorOf } from './device-tree.ts';

export type Purpose = 'read' | 'write';

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
};

/** What a person can do who may not open it. A right for one device until it is taken out is less than a group gives. */
const rightsRepair = ({ path, kind }: BlockDevice, purpose: Purpose): string => {
  const user = userName();
  const group = kind === 'optical' ? 'cdrom' : 'disk';
  const right = purpose === 'read' ? 'r' : 'rw';
  const always =
    group === 'disk'
      ? `For always, to all disks: sudo usermod -aG disk ${user} (whoever is in that group can read and overwrite every disk of this machine).`
      : `For always: sudo usermod -aG cdrom ${user}.`;
  return `For this one, until it is taken out: sudo setfacl -m u:${user}:${right} ${path} (package acl). ${always} After that log in again.`;
};

const forbidden = (device: BlockDevice, purpose: Purpose): Problem => ({
  code: 'device-forbidden',
  message: `Strata runs as ${userName()}, and that user may not ${purpose} ${device.path}.`,
  repair: rightsRepair(device, purpose),
});

/** Whether it could be opened, without opening it: a look must not spin up a disk. */
export const accessRefusal = async (device: BlockDevice, purpose: Purpose): Promise<Problem[]> => {
  const mode = purpose === 'read' ? constants.R_OK : constants.R_OK | constants.W_OK;
  try {
    await access(device.path, mode);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return [forbidden(device, purpose)];
    const message =
      code === 'EROFS' ? `${device.path} is read-only.` : `There is no device file ${device.path} here.`;
    return [{ code: code === 'EROFS' ? 'read-only' : 'no-node', message }];
  }
};

const gone = (path: string): AppError =>
  new AppError('device-gone', `${path} is no longer there: it was taken out, or its medium was.`);

const saysGone = new Set(['ENXIO', 'ENODEV', 'ENOMEDIUM', 'ENOENT']);

/** A failure of the system about a device, in words; what is no such failure stays as it is. */
export const inDeviceWords = (error: unknown, device: BlockDevice, purpose: Purpose): unknown => {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof AppError || code === undefined) return error;
  if (code === 'EACCES' || code === 'EPERM') {
    const { message, repair } = forbidden(device, purpose);
    return new AppError('device-forbidden', `${message} ${repair ?? ''}`);
  }
  if (code === 'EBUSY')
    return new AppError(
      'device-busy',
      `${device.path} is in use: something on this machine has it for itself (a mounted file system, also in a container; ZFS; a RAID). Unmount or close that first.`,
    );
  if (saysGone.has(code)) return gone(device.path);
  if (code === 'EROFS') return new AppError('not-possible', `${device.path} is read-only.`);
  if (code === 'ELOOP' || code === 'EINVAL')
    return new AppError(
      'device-gone',
      `${device.path} is no device any more, but something else of that name.`,
    );
  if (code === 'ENOSPC')
    return new AppError(
      'device-gone',
      `${device.path} ends before its end: it was taken out, or is smaller than it says.`,
    );
  if (code === 'EIO' || code === 'EREMOTEIO')
    return new AppError(
      'device-unreadable',
      `${device.path} answers with an error (${code}). It may be damaged, or its cable or reader is.`,
    );
  return error;
};

const isSame = (one: DeviceIdentity, other: DeviceIdentity): boolean =>
  one.serial === other.serial &&
  one.size === other.size &&
  one.diskseq === other.diskseq &&
  one.majorMinor === other.majorMinor;

/** Throws `device-gone` unless the very same device is there still, with the same medium. */
export const demandSame = async (device: BlockDevice, roots: HostRoots): Promise<BlockDevice> => {
  const now = await readBlockDevice(device.name, roots);
  if (now === null || now.identity.size === 0) throw gone(device.path);
  if (!isSame(now.identity, device.identity))
    throw new AppError(
      'device-gone',
      `${device.path} is not the device any more that was chosen: another disk or medium is there now. It was not touched.`,
    );
  return now;
};

/**
 * Opens it past the caches, for itself alone (O_EXCL: nobody can mount it meanwhile, and what is mounted is refused by the kernel),
 * through no link; then looks again whether what was opened is what was chosen. `shared`: of a read-only mount.
 */
export const openDevice = async (
  device: BlockDevice,
  { purpose, shared = false }: { purpose: Purpose; shared?: boolean },
  roots: HostRoots,
): Promise<FileHandle> => {
  const { O_RDONLY, O_RDWR, O_EXCL, O_NOFOLLOW, O_DIRECT } = constants;
  const how = (purpose === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_DIRECT | (shared ? 0 : O_EXCL);
  try {
    // O_EXCL without O_CREAT means what it should for block devices alone.
    if (!(await lstat(device.path)).isBlockDevice())
      throw Object.assign(new Error('no device'), { code: 'ELOOP' });
    const handle = await open(device.path, how);
    try {
      const found = await handle.stat({ bigint: true });
      if (!found.isBlockDevice() || majorMinorOf(found.rdev) !== device.identity.majorMinor)
        throw Object.assign(new Error('another device'), { code: 'ELOOP' });
      await demandSame(device, roots);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw inDeviceWords(error, device, purpose);
  }
};

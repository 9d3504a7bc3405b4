import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import type {
  Device,
  DeviceList,
  Operation,
  Problem,
  ReadDevice,
  ReadDevicePlan,
  WriteDevice,
  WriteDevicePlan,
} from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import type { ImagesFeature } from '../images/images.service.ts';
import type { FreshFileWish } from '../images/new-files.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { type BlockDevice, type HostRoots, hostRoots } from './block-devices.ts';
import { openDevice } from './device-access.ts';
import { DeviceClaims } from './device-claims.ts';
import { type SurveyedDevice, surveyDevices } from './device-survey.ts';
import { isoVolumeEnd } from './iso-volume.ts';
import { readDeviceExecutor } from './read-device.executor.ts';
import { unreadableWords } from './unreadable-ranges.ts';
import { confirmationOf, isConfirmed, losesOf } from './write-confirmation.ts';
import { leftWords, writeDeviceExecutor } from './write-device.executor.ts';
import { emptiedEnd, writtenBytes } from './write-device.ts';

export interface DevicesService {
  list(): Promise<DeviceList>;
  planRead(id: string, wish: ReadDevice): Promise<ReadDevicePlan>;
  read(id: string, wish: ReadDevice): Promise<Operation>;
  planWrite(imageId: string, wish: WriteDevice): Promise<WriteDevicePlan>;
  write(imageId: string, wish: WriteDevice): Promise<Operation>;
}

export interface DevicesDeps {
  readonly dataDir: string;
  readonly runDir: string;
  readonly library: Pick<ImagesFeature, 'images' | 'newFiles' | 'folders' | 'access'>;
  readonly operations: OperationsService;
  /** How large a device may be that is written to; null: Strata was started without `--enable-device-write`. */
  readonly writeLimit: number | null;
  /** Throws unless what an image shows stands still. */
  demandStill(imageId: string): void;
  audit(words: string, facts: Record<string, unknown>): void;
  readonly roots?: HostRoots;
}

const startCommand = 'npm start -- --enable-device-write';

const blocked = (message: string, problems: readonly Problem[]): AppError =>
  new AppError('plan-blocked', message, {
    blockers: problems.map(({ code, message: what, repair }) => ({
      ...{ code, subjects: [] },
      message: `${what} ${repair ?? ''}`.trim(),
    })),
  });
const demandNone = (problems: readonly Problem[]): void => {
  const [first] = problems;
  if (first === undefined) return;
  const message = `${first.message} ${first.repair ?? ''}`.trim();
  throw first.code === 'device-forbidden'
    ? new AppError('device-forbidden', message)
    : blocked(message, problems);
};

/** Registers its executors; create it once, before operations are recovered. */
export const createDevicesService = (deps: DevicesDeps): DevicesService => {
  const { library, operations, runDir, dataDir, writeLimit } = deps;
  const { images, newFiles, folders, access } = library;
  const roots = deps.roots ?? hostRoots;
  const claims = new DeviceClaims();
  operations.register(
    readDeviceExecutor({
      ...{ files: newFiles, claims, roots },
      markIncomplete: (imageId, device, unreadable) =>
        access.rememberUnread(imageId, {
          ...{ device, at: new Date().toISOString() },
          words: unreadableWords(unreadable),
        }),
    }),
  );
  operations.register(writeDeviceExecutor({ ...{ images, claims, roots, runDir }, audit: deps.audit }));

  const strataPaths = (): string[] => [dataDir, ...folders.list().map(({ path }) => path)];
  const isImage = async (path: string): Promise<boolean> =>
    images.findByPath(path) !== null || images.findByPath(await realpath(path).catch(() => path)) !== null;
  const survey = (): Promise<SurveyedDevice[]> =>
    surveyDevices({ roots, strata: strataPaths(), isImage, claims, writeLimit });

  const find = async (id: string): Promise<SurveyedDevice> => {
    const all = await survey();
    const found = all.find(({ device }) => device.id === id);
    if (found !== undefined) return found;
    const name = id.replace(/-\d+$/, '');
    const whole = all.find(({ device }) => device.partitions.some(({ path }) => path.endsWith(`/${name}`)));
    if (whole !== undefined)
      throw blocked(
        `${name} is a partition. Strata reads and writes whole devices: ${whole.device.path}.`,
        [],
      );
    const other = all.find(({ device }) => device.name === name);
    throw other === undefined
      ? new AppError('not-found', `There is no device ${id} at this machine.`)
      : new AppError('plan-stale', `Another disk or medium is in ${other.device.path} by now. Choose anew.`);
  };
  const demandEnabled = (): number => {
    if (writeLimit !== null) return writeLimit;
    throw new AppError(
      'device-write-off',
      `Strata was started without writing to devices, so that no disk is overwritten by a mistake. To have it: end Strata and start it with ${startCommand}.`,
    );
  };

  const planRead = async (id: string, wish: ReadDevice) => {
    const { device, view } = await find(id);
    const { size } = device.identity;
    const { name, folder, useReserve, format } = wish;
    // What was read lies beside the qcow2 until that is compared with it.
    const required = format === 'qcow2' ? 2 * size + Math.ceil(size / 4096) : size;
    const target: FreshFileWish = { ...{ name, folder, useReserve, format, tag: newId() }, bytes: required };
    const place = await newFiles.placeFresh({ ...target, bytes: 0 });
    const space = await freeSpaceIn(place.folder);
    const free = space === null ? null : spendable(space, useReserve);
    const notes = [
      'Sectors that cannot be read are asked for again, then left as zeros; the image then says so.',
      ...(format === 'qcow2'
        ? ['For qcow2 the raw bytes lie beside it until both were compared; as raw it takes half.']
        : []),
      ...(device.partitions.length > 0
        ? ['The whole device is read, with all its partitions, empty space included.']
        : []),
    ];
    const steps = [
      `Read ${device.path}, from its first sector to its last`,
      format === 'qcow2' ? 'Write it as qcow2, and compare' : 'Make the image of it',
      'Take the new image into the library',
    ];
    const plan: ReadDevicePlan = {
      ...{ device: view, bytes: size, required, free, folder: place.folder, notes, steps },
      blockers: view.reading.blockers,
    };
    return { device, target, plan };
  };

  const demandIso = async (device: BlockDevice, shared: boolean): Promise<void> => {
    const source = await openDevice(device, { purpose: 'read', shared }, roots);
    try {
      if ((await isoVolumeEnd(source)) === null)
        throw new AppError(
          'image-refused',
          `${device.path} does not begin like an ISO 9660 disc, or its beginning cannot be read. Read it as raw.`,
        );
    } finally {
      await source.close();
    }
  };
  /** Opened and closed again: who may not, or comes too late, hears it now and not from an operation. */
  const tryOpen = async (device: BlockDevice, how: Parameters<typeof openDevice>[1]): Promise<void> => {
    await (await openDevice(device, how, roots)).close();
  };

  const planWrite = async (imageId: string, { device: id }: WriteDevice) => {
    const limit = demandEnabled();
    images.facts(imageId);
    const chain = await images.checkedChain(imageId);
    deps.demandStill(imageId);
    const image = images.get(imageId);
    const { device, view } = await find(id);
    const { path, identity, sectorSize } = device;
    const bytes = writtenBytes(image.virtualSize, sectorSize);
    const blockers = [...view.writing.blockers];
    if (identity.size > 0 && bytes > identity.size)
      blockers.push({
        code: 'too-small',
        message: `“${image.name}” has ${image.virtualSize.toLocaleString('en')} bytes, and ${path} only ${identity.size.toLocaleString('en')}.`,
      });
    const end = emptiedEnd(bytes, identity.size);
    const confirmation = confirmationOf(device);
    const world = chain.map((layer) => [layer.id, images.get(layer.id).modifiedAt]);
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([imageId, image.virtualSize, world, device, limit]))
      .digest('hex');
    const unread = image.problems.find(({ code }) => code === 'incomplete');
    const plan: WriteDevicePlan = {
      ...{ fingerprint, device: view, bytes, confirmation, blockers },
      image: { id: imageId, name: image.name, virtualSize: image.virtualSize },
      loses: losesOf(device),
      notes: [
        ...(end === null
          ? []
          : [
              'The device is larger than the image: the rest stays unused, and the end of it is made empty, so that no older partition table is found there.',
            ]),
        ...(unread === undefined ? [] : [unread.message]),
      ],
      steps: [
        `Write what “${image.name}” shows${chain.length > 1 ? ` through its ${chain.length} layers` : ''} to ${path}, its first part last`,
        `Read ${path} back, past all caches, and compare it with the image`,
      ],
    };
    return { image, chain, device, plan };
  };

  /** What was shown, what was confirmed, and what is there now must be one and the same. */
  const demandConfirmed = (plan: WriteDevicePlan, wish: WriteDevice, device: BlockDevice): void => {
    const { identity } = device;
    const was = wish.identity;
    const isSame =
      was !== undefined &&
      was.serial === identity.serial &&
      was.size === identity.size &&
      was.diskseq === identity.diskseq &&
      was.majorMinor === identity.majorMinor;
    if (!isSame || wish.fingerprint !== plan.fingerprint)
      throw new AppError(
        'plan-stale',
        'The device or the image is not what it was when the plan was made. Nothing was written. Look at the plan again.',
      );
    demandNone(plan.blockers);
    if (!isConfirmed(device, wish.confirmation ?? ''))
      throw blocked(`What was typed does not fit: ${plan.confirmation.words} Nothing was written.`, [
        { code: 'not-confirmed', message: plan.confirmation.words },
      ]);
  };

  return {
    list: async () => {
      const items: Device[] = (await survey()).map(({ view }) => view);
      const writing = { enabled: writeLimit !== null, command: startCommand, limit: writeLimit ?? 0 };
      return { items, total: items.length, writing };
    },
    planRead: async (id, wish) => (await planRead(id, wish)).plan,
    read: async (id, wish) => {
      const { device, target, plan } = await planRead(id, wish);
      demandNone(plan.blockers);
      await newFiles.placeFresh(target);
      const shared = plan.device.uses.some((words) => words.startsWith('mounted'));
      if (wish.format === 'iso') await demandIso(device, shared);
      else await tryOpen(device, { purpose: 'read', shared });
      const { size } = device.identity;
      return operations.start({
        kind: 'device-read',
        title: `Read ${device.path} as “${wish.name}”`,
        request: { target, device, shared },
        journal: { phase: 'new', file: null, position: 0, bad: [] },
        steps: plan.steps,
        subjects: [],
        locks: { images: [], vms: [] },
        unit: 'bytes',
        total: wish.format === 'qcow2' ? 2 * size : size,
        cancelNote: 'What was read so far is removed; the device is not touched.',
      });
    },
    planWrite: async (imageId, wish) => (await planWrite(imageId, wish)).plan,
    write: async (imageId, wish) => {
      const lookedAt = operations.look();
      const { image, chain, device, plan } = await planWrite(imageId, wish);
      demandConfirmed(plan, wish, device);
      await tryOpen(device, { purpose: 'write' });
      const active = images.forest().disks.filter((disk) => disk.imageId === imageId);
      return operations.start({
        kind: 'device-write',
        title: `Write “${image.name}” to ${device.path}`,
        request: { imageId, imageName: image.name, device },
        journal: { phase: 'new' },
        steps: plan.steps,
        subjects: [{ kind: 'image', id: imageId, name: image.name }],
        locks: { images: [], reads: chain.map(({ id }) => id), vms: active.map(({ vmId }) => vmId) },
        unit: 'bytes',
        total: 2 * plan.bytes,
        cancelNote: leftWords(device, image.name),
        lookedAt,
      });
    },
  };
};

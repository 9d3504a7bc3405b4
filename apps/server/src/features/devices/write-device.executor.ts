import { AppError } from '../../app-error.ts';
import { toAppError } from '../../qemu/qemu-errors.ts';
import { readingContent } from '../../qemu/read-content.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { ImageFacts, ImagesService } from '../images/images.types.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { BlockDevice, HostRoots } from './block-devices.ts';
import { inDeviceWords, openDevice } from './device-access.ts';
import type { DeviceClaims } from './device-claims.ts';
import { type DeviceWriting, verifyDevice, writeDevice, writtenBytes } from './write-device.ts';

/*
 *    new         nothing was written
 *    writing     the device holds a part of the image. It is not begun anew by itself after a crash: who confirmed it may have gone
 *    verifying   everything is on the device; gone on with after a crash, for that only reads
 */

export interface WriteDeviceRun {
  readonly imageId: string;
  readonly imageName: string;
  readonly device: BlockDevice;
}
export interface WriteDeviceJournal {
  readonly phase: 'new' | 'writing' | 'verifying';
}
type Context = OperationContext<WriteDeviceRun, WriteDeviceJournal>;

export interface WriteDeviceDeps {
  readonly images: Pick<ImagesService, 'facts'>;
  readonly claims: DeviceClaims;
  readonly roots: HostRoots;
  readonly runDir: string;
  /** For who looks later what was overwritten, when, and by which operation. */
  audit(words: string, facts: Record<string, unknown>): void;
}

/** What is on the device when it was not written to its end. */
export const leftWords = ({ path }: BlockDevice, imageName: string): string =>
  `${path} now holds a part of “${imageName}” and nothing that could be used; what was on it is lost. Write to it again, or format it.`;

const demandRoom = (image: ImageFacts, bytes: number, { path, identity }: BlockDevice): void => {
  if (bytes > identity.size)
    throw new AppError(
      'not-possible',
      `“${image.name}” has ${bytes} bytes and ${path} only ${identity.size}. Nothing was written.`,
    );
};

const carryOut = async (deps: WriteDeviceDeps, context: Context): Promise<Record<string, unknown>> => {
  const { device, imageId } = context.request;
  const image = deps.images.facts(imageId);
  const watch = workWatch(context);
  const verifiesOnly = context.journal.phase === 'verifying';
  const purpose = verifiesOnly ? 'read' : 'write';
  const target = await openDevice(device, { purpose }, deps.roots);
  try {
    const how = { runDir: deps.runDir, signal: context.cancelled };
    return await readingContent(image, how, async (content) => {
      const bytes = writtenBytes(content.size, device.sectorSize);
      demandRoom(image, bytes, device);
      const writing: DeviceWriting = {
        ...{ target, path: device.path, size: device.identity.size, sectorSize: device.sectorSize },
        inWords: (error) => inDeviceWords(error, device, purpose),
      };
      const half = (from: number) => ({
        ...watch,
        progress: (done: number) => context.progress(from + done, 2 * bytes),
      });
      if (!verifiesOnly) {
        context.save({ phase: 'writing' });
        deps.audit('writing an image to a device', { image: image.path, device, operation: context.id });
        context.step(0);
        await writeDevice(writing, content, half(0));
        context.save({ phase: 'verifying' });
      }
      context.step(1);
      const sha256 = await verifyDevice(writing, content, half(bytes));
      deps.audit('an image was written to a device and read back', { device: device.path, sha256 });
      const words = `Read back and compared: ${device.path} holds all ${content.size.toLocaleString('en')} bytes of “${image.name}” (SHA-256 ${sha256}). It can be taken out.`;
      return { device: device.path, bytes: content.size, verified: true, sha256, words };
    });
  } finally {
    await target.close();
  }
};

/** What happened to the device is said with every end that is not the good one. */
const ended = (error: unknown, context: Context): unknown => {
  const { device, imageName } = context.request;
  const { phase } = context.journal;
  if (context.ending) return error;
  if (context.cancelled.aborted) {
    const verified = `${device.path} was written to its end, and not compared.`;
    const nothing = `Nothing was written to ${device.path}.`;
    context.recovered({ new: nothing, writing: leftWords(device, imageName), verifying: verified }[phase]);
    return error;
  }
  const { code, message, extras } = toAppError(`Writing ${device.path}`, error);
  return phase === 'writing'
    ? new AppError(code, `${message} ${leftWords(device, imageName)}`, extras, { cause: error })
    : error;
};

/** A whole device becomes what an image shows, and is read back. */
export const writeDeviceExecutor = (deps: WriteDeviceDeps): Executor<WriteDeviceRun, WriteDeviceJournal> => ({
  kind: 'device-write',
  run: async (context) => {
    const { device, imageName } = context.request;
    const { phase } = context.journal;
    if (context.resumed && phase !== 'verifying')
      throw new AppError(
        'device-differs',
        phase === 'new'
          ? `The server ended before it began: nothing was written to ${device.path}.`
          : `The server ended while it wrote. ${leftWords(device, imageName)}`,
      );
    const letGo = deps.claims.claim(device, `Write “${imageName}” to ${device.path}`);
    try {
      return await carryOut(deps, context);
    } catch (error) {
      throw ended(error, context);
    } finally {
      letGo();
    }
  },
});

import { AppError } from '../../app-error.ts';
import type { BlockDevice } from './block-devices.ts';

/** Which operation of ours works on which device: one at a time. */
export class DeviceClaims {
  readonly #titles = new Map<string, string>();

  titleOf({ identity }: BlockDevice): string | null {
    return this.#titles.get(identity.majorMinor) ?? null;
  }

  /** Throws `operation-running` when there is one already. Answers with how to let it go. */
  claim(device: BlockDevice, title: string): () => void {
    const other = this.titleOf(device);
    if (other !== null)
      throw new AppError('operation-running', `“${other}” works on ${device.path}. Wait for its end first.`);
    this.#titles.set(device.identity.majorMinor, title);
    return () => this.#titles.delete(device.identity.majorMinor);
  }
}

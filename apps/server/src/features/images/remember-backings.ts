import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import type { ContentSample } from './content-sample.ts';
import { sampleContent } from './disk-reader.ts';
import type { ImageMemory, RememberedBacking } from './image-memory.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageWorld } from './image-world.ts';
import type { Library } from './library.ts';

const asRemembered = (backing: ImageRecord): RememberedBacking => ({
  path: backing.path,
  format: backing.format,
  virtualSize: backing.facts.virtualSize,
  identity: backing.identity,
  bornNs: backing.facts.bornNs,
  sample: null,
  seenAt: new Date().toISOString(),
});

const isCurrent = (remembered: RememberedBacking | null, backing: ImageRecord): boolean =>
  remembered?.sample != null &&
  remembered.path === backing.path &&
  remembered.format === backing.format &&
  remembered.identity.inode === backing.identity.inode &&
  remembered.identity.device === backing.identity.device &&
  remembered.identity.size === backing.identity.size &&
  remembered.identity.mtimeNs === backing.identity.mtimeNs;

/** Written down at a time: nobody waits for longer. */
const atOnce = 100;
/** Until it is looked again whether there is time for this. */
const heldMilliseconds = 100;

export interface BackingMemory {
  /** Soon, in the background: for every whole link, what stands below it now. */
  soon(): void;
  /** Resolves when nothing is under way any more. */
  settled(): Promise<void>;
  stop(): void;
}

/**
 * Notes what every overlay stands on as long as it is there: a file that is gone can no longer be asked. Reads about
 * 200 KiB of each backing that has changed; only one file at a time, so that it is in nobody's way.
 */
export const createBackingMemory = (
  library: Library,
  world: ImageWorld,
  memory: ImageMemory,
  /** Somebody waits who must not be disturbed. */
  isHeld: () => boolean = () => false,
): BackingMemory => {
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;

  const stale = (): { overlay: ImageRecord; backing: ImageRecord }[] =>
    [...world.relations()].flatMap(([id, { state, backingId }]) => {
      const [overlay, backing] = [library.get(id), backingId === null ? undefined : library.get(backingId)];
      const whole = state === 'ok' && overlay?.present && backing?.present;
      if (!whole || isCurrent(memory.of(id).stoodOn, backing)) return [];
      return [{ overlay, backing }];
    });

  const round = async (): Promise<void> => {
    const samples = new Map<string, ContentSample | null>();
    const found: { imageId: string; stoodOn: RememberedBacking }[] = [];
    const flush = (): void => memory.change(found.splice(0));
    for (const { overlay, backing } of stale()) {
      if (stopped) return;
      if (!samples.has(backing.id)) samples.set(backing.id, await sampleContent(backing.path));
      if (stopped) return;
      const sample = samples.get(backing.id) ?? null;
      // Changed while it was read: the next scan will tell.
      if (sample === null || sample.fileSize !== backing.identity.size) continue;
      found.push({ imageId: overlay.id, stoodOn: { ...asRemembered(backing), sample } });
      if (found.length >= atOnce) flush();
    }
    flush();
  };

  const run = async (): Promise<void> => {
    while (again && !stopped) {
      again = false;
      // Who has asked for the scan gets the answer first.
      do await (isHeld() ? delay(heldMilliseconds) : breathe());
      while (isHeld() && !stopped);
      await round().catch(() => {});
    }
    running = null;
  };

  return {
    soon: () => {
      again = true;
      running ??= run();
    },
    settled: async () => {
      await running;
    },
    stop: () => {
      stopped = true;
    },
  };
};

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { InsideSession } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { guestfishMissing, hasGuestfish } from '../../qemu/tools/guestfs/appliance.ts';
import { sweepServed } from '../../qemu/tools/guestfs/disk-content.ts';
import { sweepGuestDisk } from '../../qemu/tools/guestfs/guest-disk.ts';
import type { Events } from '../events/events.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { type InsidePlaces, type InsidePlan, LookInside } from './inside-session.ts';

/** Each is a QEMU with a gigabyte of memory. */
const mostAtOnce = 2;
const lookEveryMs = 10_000;

export interface InsideDeps {
  readonly dataDir: string;
  readonly runDir: string;
  readonly events: Events;
  readonly images: ImagesService;
  readonly operations: Pick<OperationsService, 'addHold'>;
  /** Throws unless what an image shows stands still. */
  demandStill(imageId: string): void;
  /** Throws unless nothing needs the image as it is. */
  demandWritable(imageId: string): void;
  readonly log: (error: unknown, message: string) => void;
}

export interface InsideWish {
  readonly writable: boolean;
  readonly tag?: string | undefined;
}

export interface InsideService {
  open(imageId: string, wish: InsideWish): Promise<InsideSession>;
  list(): InsideSession[];
  /** Throws `not-found`. */
  session(id: string): LookInside;
  end(id: string): Promise<void>;
  /** At start: ends what a server that was killed has left. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Disks that are being looked into: each with an appliance of its own, for as long as somebody looks. */
export const createInsideService = (deps: InsideDeps): InsideService => {
  const { events, images, runDir, dataDir } = deps;
  const places: InsidePlaces = {
    runDir,
    folder: join(dataDir, 'inside'),
    applianceCache: join(dataDir, 'appliance'),
  };
  const sessions = new Map<string, LookInside>();
  /** Between the look at the rules and the session. */
  let beginning = 0;
  let closing = false;
  let timer: NodeJS.Timeout | null = null;

  const holding = (): LookInside[] => [...sessions.values()].filter(({ hasFailed }) => !hasFailed);

  const announce = (session: LookInside, change: 'created' | 'updated' | 'deleted'): void => {
    const { id, image } = session.plan;
    const data = change === 'deleted' ? {} : { data: session.view() };
    events.publish({ type: 'inside', id, change, ...data });
    // One that has failed holds nothing any more.
    if (change !== 'updated' || session.hasFailed)
      events.publish({ type: 'image', id: image.id, change: 'updated' });
  };

  const end = async (session: LookInside): Promise<void> => {
    const { id, image, writable } = session.plan;
    if (!session.isWanted) return;
    try {
      await session.close();
    } finally {
      sessions.delete(id);
      announce(session, 'deleted');
    }
    if (writable && !closing) await images.refresh([image.id]);
  };

  const watch = (): void => {
    if (timer !== null || closing || sessions.size === 0) return;
    timer = setTimeout(() => {
      timer = null;
      const idle = [...sessions.values()].filter((session) => session.endsAt <= Date.now());
      Promise.all(idle.map(end))
        .catch((error: unknown) => deps.log(error, 'a disk that nobody looks into could not be closed'))
        .finally(watch);
    }, lookEveryMs).unref();
  };

  images.addUseSource({
    exports: () =>
      holding().map(({ plan: { id, image, writable } }) => ({
        ...{ exportId: id, kind: 'inside' as const, name: image.name, imageId: image.id, writes: writable },
      })),
  });
  deps.operations.addHold((locks) => {
    const touched = [...locks.images, ...(locks.reads ?? [])];
    const written = holding().find(({ plan }) => plan.writable && touched.includes(plan.image.id));
    if (written === undefined) return;
    const { id, image } = written.plan;
    throw new AppError('image-in-use', `“${image.name}” is open for putting files in. Close that first.`, {
      usedBy: [{ kind: 'inside', id, name: image.name }],
    });
  });

  const demandRoom = (): void => {
    if (holding().length + beginning < mostAtOnce) return;
    const names = holding()
      .map(({ plan }) => `“${plan.image.name}”`)
      .join(' and ');
    throw new AppError(
      'operation-state',
      `${mostAtOnce} disks are being looked into at once, and no more: ${names}. Close one of them first.`,
    );
  };

  const planOf = async (imageId: string, { writable, tag }: InsideWish) => {
    const chain = await images.checkedChain(imageId);
    deps.demandStill(imageId);
    const snapshot = tag === undefined ? null : await images.readableTag(imageId, tag);
    // The world may have changed while the file was read.
    deps.demandStill(imageId);
    if (writable) deps.demandWritable(imageId);
    const plan: InsidePlan = {
      ...{ id: newId(), image: images.facts(imageId), chain, writable },
      tag: tag === undefined || snapshot === null ? null : { name: tag, snapshot },
    };
    return plan;
  };

  const sameAs = (imageId: string, writable: boolean, tag: string | undefined): LookInside | undefined =>
    holding().find(
      ({ plan, isWanted }) =>
        isWanted && plan.image.id === imageId && plan.writable === writable && plan.tag?.name === tag,
    );

  const session = (id: string): LookInside => {
    const found = sessions.get(id);
    if (found === undefined)
      throw new AppError('not-found', 'That disk is not being looked into any more. Open it again.');
    return found;
  };

  return {
    session,
    list: () => [...sessions.values()].map((each) => each.view()),
    open: async (imageId, { writable, tag }) => {
      images.facts(imageId);
      if (closing) throw new AppError('operation-state', 'The server is ending.');
      if (writable && tag !== undefined)
        throw new AppError('not-possible', 'A snapshot inside the file stays as it is: it can only be read.');
      if (!hasGuestfish()) throw guestfishMissing();
      const same = sameAs(imageId, writable, tag);
      if (same !== undefined) {
        same.touch();
        return same.view();
      }
      demandRoom();
      beginning += 1;
      try {
        const plan = await planOf(imageId, { writable, tag });
        const opened = new LookInside(plan, places, (error) => {
          if (error !== undefined) deps.log(error, `the disk ${plan.image.name} could not be looked into`);
          if (sessions.has(plan.id)) announce(opened, 'updated');
        });
        sessions.set(plan.id, opened);
        opened.start();
        announce(opened, 'created');
        watch();
        return opened.view();
      } finally {
        beginning -= 1;
      }
    },
    end: (id) => end(session(id)),
    sweep: async () => {
      await mkdir(places.folder, { recursive: true, mode: 0o700 });
      for (const id of await readdir(places.folder)) {
        if (sessions.has(id)) continue;
        await sweepGuestDisk(join(places.folder, id));
        await sweepServed(runDir, id);
      }
    },
    close: async () => {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      await Promise.all([...sessions.values()].map(end));
    },
  };
};

import type { Image } from '@strata/contract';
import type { Events } from '../events/events.types.ts';
import type { ImageWorld } from './image-world.ts';

/** Others' changes (a VM created, an operation ended) change what stands on images; looked at this often at most. */
const quietMilliseconds = 400;

/** Tells the pages what has changed since the last time, relations included: a new overlay changes its backing too. */
export class ImageAnnouncements {
  private readonly world: ImageWorld;
  private readonly events: Events;
  private readonly told = new Map<string, string>();
  private timer: NodeJS.Timeout | null = null;
  private unsubscribe: () => void = () => undefined;

  constructor(world: ImageWorld, events: Events) {
    this.world = world;
    this.events = events;
  }

  /** From here on; what is known now is told to nobody. */
  start(): void {
    for (const image of this.world.views()) this.told.set(image.id, JSON.stringify(image));
    this.unsubscribe = this.events.subscribe(({ type }) => {
      if (type === 'vm' || type === 'snapshot' || type === 'operation') this.soon();
    });
  }

  stop(): void {
    this.unsubscribe();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.now();
    }, quietMilliseconds).unref();
  }

  now(): void {
    const images = new Map(this.world.views().map((image) => [image.id, image]));
    for (const image of images.values()) this.tell(image);
    for (const id of [...this.told.keys()]) {
      if (images.has(id)) continue;
      this.told.delete(id);
      this.events.publish({ type: 'image', id, change: 'deleted' });
    }
  }

  private tell(image: Image): void {
    const text = JSON.stringify(image);
    const before = this.told.get(image.id);
    if (before === text) return;
    this.told.set(image.id, text);
    const change = before === undefined ? 'created' : 'updated';
    this.events.publish({ type: 'image', id: image.id, change, data: image });
  }
}

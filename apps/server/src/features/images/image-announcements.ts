import type { Image } from '@strata/contract';
import type { Events } from '../events/events.types.ts';
import type { ImageWorld } from './image-world.ts';

/** Others' changes (a VM created, an operation ended) change what stands on images; looked at this often at most. */
const quietMilliseconds = 400;
/** Images that are looked at in one go: a few milliseconds. */
const atOnce = 200;

/** Tells the pages what has changed since the last time, relations included: a new overlay changes its backing too. */
export class ImageAnnouncements {
  private readonly world: ImageWorld;
  private readonly events: Events;
  private readonly told = new Map<string, string>();
  private timer: NodeJS.Timeout | null = null;
  private waiting: string[] = [];
  private next: NodeJS.Immediate | null = null;
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
    if (this.next !== null) clearImmediate(this.next);
    this.waiting = [];
  }

  /** Within a moment, together with what else changes meanwhile. */
  soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.now();
    }, quietMilliseconds).unref();
  }

  /** Part by part, so that a large library keeps nobody waiting; a small one is told at once. */
  now(): void {
    this.waiting = this.world.listed().map(({ id }) => id);
    for (const id of [...this.told.keys()]) {
      if (this.world.has(id)) continue;
      this.told.delete(id);
      this.events.publish({ type: 'image', id, change: 'deleted' });
    }
    if (this.next !== null) return;
    if (this.waiting.length > atOnce) this.next = setImmediate(() => this.tellSome());
    else this.tellSome();
  }

  private tellSome(): void {
    this.next = null;
    const part = this.waiting.splice(0, atOnce).filter((id) => this.world.has(id));
    for (const image of this.world.views(part)) this.tell(image);
    if (this.waiting.length > 0) this.next = setImmediate(() => this.tellSome());
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

import type { AllocationExtent, AllocationKind } from './qcow2-allocation.ts';

/** A layer with more pieces than this is told coarsely rather than filling the memory. */
const maxExtents = 1_000_000;

/** Takes pieces in rising order and joins neighbours of one kind. */
export class ExtentCollector {
  private readonly extents: AllocationExtent[] = [];
  private readonly end: number;
  private start = 0;
  private stop = 0;
  private kind: AllocationKind | null = null;
  full = false;

  constructor(end: number) {
    this.end = end;
  }

  add(start: number, length: number, kind: AllocationKind): void {
    if (kind === this.kind && start === this.stop) {
      this.stop = start + length;
      return;
    }
    this.close();
    this.kind = kind;
    this.start = start;
    this.stop = start + length;
  }

  finish(): AllocationExtent[] {
    this.close();
    return this.extents;
  }

  private close(): void {
    const stop = Math.min(this.stop, this.end);
    if (this.kind !== null && stop > this.start && !this.full) {
      this.extents.push({ start: this.start, length: stop - this.start, kind: this.kind });
      this.full = this.extents.length >= maxExtents;
    }
    this.kind = null;
  }
}

import type { ExtentList } from './extents.ts';

/**
 * How much of what moves lies before a place of the disk, for jobs that walk it from the first byte to the last: places in
 * rising order, between which it rises evenly.
 */
export type Course = ReadonlyArray<readonly [place: number, bytesBefore: number]>;

/** Of a disk in many pieces, neighbours are taken together: a plan is written down, and a bar has a few hundred pixels. */
const mostRises = 256;

export function courseOf(moved: ExtentList): Course {
  const together = Math.ceil(moved.length / mostRises);
  const course: [number, number][] = [];
  let bytes = 0;
  for (const [index, [start, length]] of moved.entries()) {
    if (index % together === 0) course.push([start, bytes]);
    bytes += length;
    if (index % together === together - 1 || index === moved.length - 1) course.push([start + length, bytes]);
  }
  return course;
}

export function bytesBefore(course: Course, place: number): number {
  let [from, before] = [0, 0];
  for (const [to, bytes] of course) {
    if (place < to) return Math.floor(before + ((bytes - before) * (place - from)) / (to - from));
    [from, before] = [to, bytes];
  }
  return before;
}

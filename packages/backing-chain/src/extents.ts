/** Start and length, in bytes of the virtual disk. */
export type Extent = readonly [start: number, length: number];

/** Sorted, disjoint, non-empty extents; neighbours that touch are joined. */
export type ExtentList = readonly Extent[];

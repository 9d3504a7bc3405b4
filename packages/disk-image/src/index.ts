export { type BackingTarget, resolveBacking } from './backing-path.ts';
export { emptyQcow2 } from './empty-qcow2.ts';
export { readHeldApart } from './held-apart.ts';
export { holdsNothing } from './holds-nothing.ts';
export type * from './image-header.types.ts';
export { type LayerUsage, rawGrain, readQcow2Usage, readRawUsage, wholeGrains } from './layer-usage.ts';
export { type MappedApart, type Qcow2State, readMappedApart } from './mapped-apart.ts';
export {
  type OpenedFile,
  OpenForReadingError,
  type OpenProblem,
  openForReading,
  openForReadingSync,
} from './open-for-reading.ts';
export {
  type AllocationExtent,
  type AllocationKind,
  type Qcow2Allocation,
  readQcow2Allocation,
  walkQcow2Allocation,
} from './qcow2-allocation.ts';
export { readImageHeader, readImageHeaderSync } from './read-image-header.ts';
export { type HeaderLink, type HeaderPatch, headBytes, relinkedHead } from './relinked-head.ts';
export { safetyProblems } from './safety-problems.ts';
export { isUnchangedSince } from './unchanged-since.ts';
export { chunksOf, type HostRange, readPiece, zeroRanges } from './zero-scan.ts';

import { formatBytes } from '../lib/format.ts';

/** After a disk was made larger: its last partition and the file system in it. */
export const extend = {
  menu: 'Extend file system…',
  title: (name: string) => `Extend the file system inside “${name}”`,
  text: 'A larger disk gives its guest nothing yet: the last partition and the file system in it must grow too. That is done here, with no VM running.',
  waiting: 'The disk is being made larger. What can be extended then is shown here.',
  resizeFailed: 'The disk was not made larger, so there is nothing to extend. The operation says why.',
  planning: 'Looking at the disk…',
  partition: (number: number) => `Partition ${number}`,
  fileSystem: (kind: string, label: string | null) =>
    `The ${kind} in it${label === null ? '' : ` (“${label}”)`}`,
  becomes: (before: number | null, after: number) =>
    before === null ? `about ${formatBytes(after)}` : `${formatBytes(before)} → ${formatBytes(after)}`,
  stays: 'stays as it is',
  steps: 'What will be done',
  blocked: 'This cannot run now',
  submit: 'Extend',
  later: 'Not now',
};

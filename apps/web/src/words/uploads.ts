import { formatBytes, formatCount } from '../lib/format.ts';

export const uploads = {
  button: 'Upload',
  title: 'Uploads',
  drop: 'Drop to upload into the library',
  dropHint: 'Disk images, ISOs, archives (.gz, .xz, .zst, .zip) and VMs (.ova)',
  states: {
    waiting: 'waits for its turn',
    sending: (sent: number, size: number, rate: string | null, left: string | null) =>
      [`${formatBytes(sent)} of ${formatBytes(size)}`, rate, left === null ? null : `${left} left`]
        .filter((part) => part !== null)
        .join(' · '),
    paused: (sent: number, size: number) => `paused at ${formatBytes(sent)} of ${formatBytes(size)}`,
    elsewhere: 'is being sent by another page',
    unfinished: (received: number, size: number) =>
      `${formatBytes(received)} of ${formatBytes(size)} are here. Drop or choose the same file again to go on.`,
    sent: 'sent, is being taken in',
    importing: 'is being taken in',
    making: 'an image is being made of it',
    ready: 'is here, and waits for an image to be made of it',
    readyAfter: (why: string) => `No image could be made of it: ${why} It waits for another try.`,
    unfinishedFiles: (received: number, size: number) =>
      `${formatBytes(received)} of ${formatBytes(size)} of the files for an image are here; the page that sent them is gone. Remove this, and choose the files again.`,
    done: 'is in the library',
    failed: 'stopped',
    refused: 'refused',
    cancelled: 'cancelled',
  },
  expires: (when: string) => `removed ${when}`,
  pause: 'Pause',
  resume: 'Go on',
  retry: 'Try again',
  asRaw: 'It is a raw disk',
  choose: 'Choose the file…',
  remove: 'Remove',
  dismiss: 'Dismiss',
  nameOf: (action: string, filename: string) => `${action}: ${filename}`,
  removeTitle: (filename: string) => `Remove what was sent of ${filename}?`,
  removeText: 'To upload it later, all of it is sent again.',
  make: 'Make an image…',
  open: 'Open image',
  openVm: 'Open VM',
  notMapped: (count: number) =>
    formatCount(count, 'thing could not be taken over', 'things could not be taken over'),
  otherFile: (filename: string, size: number) =>
    `That is not the same file: ${filename} with ${formatBytes(size)} is meant.`,
  unreachable: 'The server does not answer. What was sent is kept: go on when it is back.',
  failedFallback: 'The upload stopped.',
  sums: (count: number) =>
    `${formatCount(count, 'check sum', 'check sums')} read: each file is compared with its own.`,
};

import { formatBytes } from '../lib/format.ts';

/** Disks, sticks, cards and discs of the host. */
export const devices = {
  kinds: { disk: 'Disk', optical: 'CD or DVD', floppy: 'Floppy', loop: 'Loop device' },
  named: (path: string, what: string, bytes: number) => `${path} · ${what} · ${formatBytes(bytes)}`,
  empty: (path: string, what: string) => `${path} · ${what} · empty`,
  serial: (serial: string) => `serial number ${serial}`,
  noSerial: 'no serial number',
  file: (file: string) => `shows ${file}`,
  readOnly: 'read-only',
  partition: (number: number, what: string, bytes: number) => `${number}: ${what}, ${formatBytes(bytes)}`,
  unknown: 'contents unknown',
  choose: 'Device',
  refused: (count: number) =>
    count === 1 ? 'One device that cannot be chosen' : `${count} devices that cannot be chosen`,
  again: 'Look again',
  none: 'There is no device that can be chosen. Plug one in, or look below why the others cannot be; then look again.',
  read: {
    kind: 'Device of this machine',
    text: 'All of a CD, DVD, USB stick, card or disk, sector by sector. What cannot be read is tried again, then left as zeros; the image then says that it is incomplete, and where.',
    format: 'Format',
    formats: {
      raw: 'raw: the plain bytes, for all that writes to sticks and cards',
      qcow2: 'qcow2: for VMs, with overlays and snapshots',
      iso: 'ISO: a disc that VMs can have in their drive',
    },
    needs: (required: number, free: number | null) =>
      `Takes at most ${formatBytes(required)} while it is made${free === null ? '' : `; ${formatBytes(free)} are free beside the reserve`}.`,
  },
  write: {
    menu: 'Write to a device…',
    title: (name: string) => `Write “${name}” to a device`,
    text: 'A USB stick, disk or memory card becomes what this image shows, from its first byte on. Afterwards it is read back and compared.',
    planning: 'What it would do is being looked at.',
    chooseFirst: 'Choose a device first.',
    blocked: 'This device cannot be written',
    loses: (path: string) => `Everything on ${path} will be lost`,
    steps: 'What happens',
    confirm: 'To confirm',
    notTyped: 'Type what is asked for first.',
    submit: (path: string) => `Overwrite ${path}`,
    submitNone: 'Overwrite',
  },
  host: {
    title: 'Disks and devices',
    inUse: 'In use:',
    free: 'not in use',
    none: 'No disks are visible here, as in most containers.',
    on: (limit: number) =>
      `Images can be written to devices that can be taken out, up to ${formatBytes(limit)}: choose an image, then More, Write to a device….`,
    off: 'Writing images to devices is off, so that no disk is overwritten by a mistake. To have it, end Strata and start it with:',
    readHint: 'Any of them is read into an image with Make from…, in the Library.',
  },
};

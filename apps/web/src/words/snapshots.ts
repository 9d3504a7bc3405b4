import { formatBytes, formatCount } from '../lib/format.ts';

export const snapshots = {
  title: 'Snapshots',
  tree: 'Snapshots, oldest first in each branch',
  here: 'You are here',
  changed: 'changed since',
  unchanged: 'nothing written since',
  unchangedYet: 'no write seen since; the VM is running',
  count: (count: number) => formatCount(count, 'snapshot', 'snapshots'),
  empty: {
    title: 'No snapshots yet',
    text: 'A snapshot is a restore point: the disks stay frozen as they are at that moment, and the VM writes on into a new, empty layer above. Taking one costs about 200 KiB and, while the VM runs, a blink. Going back is always possible, and keeps where you were.',
  },
  kinds: {
    disk: 'Disks only',
    memory: 'Disks and memory',
    internal: 'Inside the image (internal)',
  },
  consistency: {
    crash: 'crash-consistent',
    frozen: 'file systems frozen',
    memory: 'with memory, exact moment',
  },
  consistencyWhy: {
    crash:
      'Taken without the guest’s help. If the VM was running, a revert finds its disks as after a power cut; if it was off, they were at rest.',
    frozen: 'The guest agent froze the file systems for the moment: they are clean.',
    memory: 'Memory and disks are of one instant: a revert goes on exactly there.',
  },
  own: (bytes: number) => `${formatBytes(bytes)} frozen`,
  pausedFor: (milliseconds: number) => `guest stopped for ${milliseconds} ms`,
  onlyDisks: (count: number, all: number) => `only ${count} of ${formatCount(all, 'disk', 'disks')}`,
  screenshotAlt: (name: string) => `The screen when “${name}” was taken`,
  actions: {
    revert: 'Revert…',
    edit: 'Rename or describe…',
    forget: 'Forget…',
    layers: 'Show its layer',
    more: (name: string) => `Actions for ${name}`,
  },
  take: {
    button: 'Take snapshot',
    title: 'Take a snapshot',
    name: 'Name',
    namePlaceholder: 'before upgrade',
    description: 'Description',
    descriptionPlaceholder: 'optional: what is special about this moment',
    submit: 'Take it',
    cost: 'What it costs',
    overlays: (count: number) =>
      `${formatCount(count, 'new overlay', 'new overlays')} of about 200 KiB ${count === 1 ? 'now; it grows' : 'each now; they grow'} with what the VM writes from then on`,
    free: (bytes: number) => `${formatBytes(bytes)} are free`,
    live: 'Live: the guest keeps running, all disks at one instant.',
    offline: 'The VM is off: its disks are complete and at rest, and nothing is in flight.',
    paused: 'The VM is paused and stays paused.',
    crash:
      'Crash-consistent: the guest is not asked to write out what it still holds in memory. After a revert it finds its disks as after a power cut; journaling file systems cope with that, databases usually too. For a clean one, shut the VM down first.',
    disksOnly: 'Disks only; the memory of the VM is not kept.',
    which: 'Disks',
    leftOut: (names: readonly string[]) =>
      `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} left out: a revert to this snapshot leaves ${names.length === 1 ? 'it' : 'them'} as of then, and what the guest keeps across its disks may not fit together.`,
    noDisk: 'Tick at least one disk.',
    reasons: {
      noDisks: 'This VM has no disk to take a snapshot of.',
      starting: 'The VM is starting. Wait a moment.',
      stopping: 'The VM is shutting down. Wait until it is off.',
      suspended: 'The VM is suspended: its disks are frozen until it goes on.',
      busy: (title: string) => `“${title}” is working on this VM. Wait until it has ended.`,
    },
  },
  revert: {
    title: (name: string) => `Revert to “${name}”`,
    keep: 'Keep the current state as a snapshot',
    keepOff: 'The current state is thrown away. What was written since the last snapshot is lost.',
    keepName: 'Its name',
    keepDefault: (name: string) => `before revert to ${name}`,
    start: 'Afterwards',
    startOptions: { asWas: 'as it was', start: 'start the VM', off: 'leave it off' },
    running:
      'The VM is running: it is powered off for the switch. What the guest has not written to its disk is gone.',
  },
  edit: { title: 'Rename or describe', save: 'Save' },
  forget: {
    title: (name: string) => `Forget “${name}”`,
    text: 'Only the name goes. Its layer and every byte in it stay, and layers above are not touched; but you can no longer revert to it here.',
    confirm: 'Forget it',
  },
  taken: (name: string) => `Snapshot “${name}” taken`,
};

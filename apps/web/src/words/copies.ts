import { formatBytes, formatCount } from '../lib/format.ts';

/** New VMs and new files from what is there, and the care of files. */
export const copies = {
  started: (title: string) => `${title}: it goes on in the bar below.`,
  done: (title: string) => `${title}: done.`,
  open: { vm: 'Open the VM', image: 'Show the image' },
  mode: 'How',
  modes: {
    linked: 'Linked: overlays on the layers that are there',
    full: 'Full copy: files of its own',
  },
  modeText: {
    linked:
      'Made at once, about 200 KiB a disk. The layers below stay frozen as long as the new VM stands on them.',
    full: 'Takes the time and the space of all data. Afterwards it stands on nothing and can go anywhere.',
  },
  name: 'Name of the new VM',
  branch: {
    menu: 'Branch a new VM…',
    title: (name: string) => `Branch a new VM from “${name}”`,
    text: 'The new VM is defined like this one, with network addresses of its own, and begins with the disks as the snapshot shows them. This VM goes on undisturbed, running or not.',
    partly: (count: number) =>
      `The snapshot holds ${formatCount(count, 'disk', 'disks')} of this VM; the new VM gets only these.`,
    memory: 'With the memory of that moment',
    memoryText: (bytes: number, hasCards: boolean) =>
      `The new VM is suspended, and its start goes on where the guest was. ${formatBytes(bytes)}, shared with the snapshot: it takes no space of its own.${hasCards ? ' Until the guest is restarted it has the network addresses (MAC) of this one: do not connect both to one network before that.' : ''}`,
    insideLinked:
      'The snapshot lies inside its layers: an overlay would show what they show now, and not what they showed then.',
    suggestion: (vm: string, snapshot: string) => `${vm} ${snapshot}`,
    submit: 'Branch',
    fromLayerReason: (vm: string) =>
      `“${vm}” writes this layer. Take a snapshot first: then there is a frozen layer to branch from.`,
  },
  duplicate: {
    menu: 'Duplicate…',
    title: (name: string) => `Duplicate “${name}”`,
    text: 'A second VM, defined alike, with network addresses of its own and the disks as they are now.',
    linkedText:
      'The active layers become frozen, and both VMs go on with overlays of their own. Snapshots stay with the original.',
    suggestion: (vm: string) => `${vm} copy`,
    submit: 'Duplicate',
    running: 'The VM writes its disks now. Take a snapshot and branch from that, or shut it down first.',
    suspended: 'The VM is suspended: its memory waits for these disks.',
  },
  image: {
    menu: 'More',
    copy: 'Copy…',
    rename: 'Rename file…',
    move: 'Move…',
    check: 'Check…',
    compact: 'Compact…',
    promote: 'Let a VM continue from here…',
  },
  promote: {
    open: 'Let a VM continue from here…',
    openFor: (vm: string) => `Let “${vm}” continue here…`,
    title: (name: string) => `Continue on ${name}`,
    which: 'Which disk',
    disk: (vm: string, disk: string) => `${vm} · ${disk}`,
    keep: 'Keep what it leaves as a snapshot',
    keepText:
      'It stays in the library as a branch either way, and the VM can continue on it again. As a snapshot it is frozen, and has its place in the tree.',
    overlay: 'Write into a new overlay',
    overlayText:
      'The layer itself stays as it is. Done anyway where a snapshot, an overlay or anything else stands on it.',
    powerOff: (vm: string) => `Power “${vm}” off for it, and start it again`,
    powerOffText: 'What the guest has not written to its disk is lost. Better shut it down first.',
    written: (vm: string) =>
      `“${vm}” writes this layer. Take a snapshot of it, and continue from the layer that it freezes.`,
    noVm: 'There is no VM with a disk.',
  },
  copy: {
    title: (name: string) => `Copy “${name}”`,
    name: 'Name',
    suggestion: (name: string) => `${name.replace(/\.(qcow2|raw|img)$/i, '')} copy`,
    folder: 'Folder',
    beside: 'Beside the original',
    what: 'What',
    whats: {
      content: 'All it shows: one image that stands on nothing',
      file: 'Only this file: an overlay on the same backing',
    },
    alone: 'It stands on nothing: the file is copied byte for byte.',
    verified: 'The copy is compared with the original before it counts as done.',
    submit: 'Copy',
  },
  rename: {
    title: (name: string) => `Rename the file of “${name}”`,
    text: 'The file itself gets another name. Every link of an overlay in the library is rewritten with it; VMs and snapshots find it as before.',
    name: 'Name',
    nameHint: 'The file is named after it; its ending stays.',
    where: 'Now',
    overlays: (count: number) =>
      `${formatCount(count, 'overlay stands', 'overlays stand')} on it: ${count === 1 ? 'its link is' : 'their links are'} rewritten.`,
    submit: 'Rename',
  },
  move: {
    open: 'Move…',
    title: (name: string) => `Move “${name}” to another folder`,
    text: 'VMs, snapshots and overlays find it there as before. While a VM writes it, it is moved under the running VM.',
    from: 'Now in',
    folder: 'To the folder',
    noFolder:
      'The library has no other folder. Add the one that it is to lie in, for example on another disk.',
    addFolder: 'Add a folder…',
  },
  compact: {
    title: (name: string) => `Compact “${name}”`,
    text: 'Gives back what the file need not hold: clusters that nothing uses any more, and zeros that are stored as data. Whoever reads it reads the same.',
  },
  check: {
    title: (name: string) => `Check “${name}”`,
    text: 'Reads the tables inside the file: whether every cluster belongs to one place only, and whether space is lost. Contents are not read, and nothing is changed.',
    submit: 'Check',
    again: 'Check again',
    working: 'Reading all tables…',
    counts: (errors: number, leaks: number) =>
      `${formatCount(errors, 'error', 'errors')}, ${formatCount(leaks, 'lost cluster', 'lost clusters')}`,
    leaksButton: (bytes: number) => `Give back ${formatBytes(bytes)}`,
    allButton: 'Repair errors',
    allText:
      'QEMU decides what is right where tables contradict each other, and it cannot be undone. Copy the file first.',
    standing: 'Overlays or snapshots stand on it. Copy the file and repair the copy.',
    raw: 'A raw image has no tables in which anything could be wrong.',
    otherFormat: 'QEMU repairs qcow2 images only.',
  },
};

import { formatCount } from '../lib/format.ts';

/** Look inside: the partitions and the files of an image, without starting a VM. */
export const inside = {
  button: 'Look inside',
  offer: (name: string) => `Look inside ${name}`,
  offerText: 'Its partitions and files, as they are at this layer. Nothing is started or changed.',
  title: (name: string) => `Inside “${name}”`,
  tag: (tag: string) => `as it was at “${tag}”`,
  readOnly: 'Read-only',
  writable: 'Can be changed',
  details: 'Details',
  end: 'Close',
  endWhy: 'Ends the look inside and gives its memory back.',
  closesItself: 'Closes by itself when it is not used.',

  starting: {
    title: 'Getting ready to look inside',
    text: 'A small system of its own (the libguestfs appliance) starts and opens the image read-only. No file system of a stranger ever reaches this computer’s own kernel.',
    writableText:
      'A small system of its own (the libguestfs appliance) starts and opens the image for writing. No file system of a stranger ever reaches this computer’s own kernel.',
    howLong: 'This takes some seconds; 10 to 20 without KVM.',
    stop: 'Stop',
    since: (seconds: number) => `${seconds} s`,
  },
  ended: {
    title: 'This look inside has ended',
    text: 'It was not used for a while, or it was closed, so its memory was given back. Nothing is lost.',
    again: 'Look inside again',
  },
  closed: {
    title: 'Closed',
    text: 'Its memory was given back. Looking has changed nothing; what you changed in files is in the image.',
  },
  failed: { title: 'It could not be opened' },
  gone: {
    title: 'There is no such image',
    text: 'It was deleted, or the address is wrong.',
    back: 'To the library',
  },
  missing: {
    title: 'A program is missing for this',
    text: 'The files of a disk are read by libguestfs, in a small system of its own and never by this computer’s own kernel. Install it and try again:',
    command: 'sudo apt-get install guestfish',
    note: 'That is for Debian and Ubuntu; for other systems:',
    again: 'Try again',
  },

  volumes: {
    title: 'Partitions and file systems',
    none: 'No partition or file system was found: the disk is empty, or holds something that is not known.',
    bar: 'The disk, in scale',
    columns: {
      number: 'No.',
      holds: 'File system',
      size: 'Size',
      start: 'First sector',
      offset: 'Begins at byte',
      type: 'Type',
    },
    open: (what: string) => `Open ${what}`,
    openShort: 'Open',
    volume: (device: string) => device,
    partition: (number: number) => `partition ${number}`,
    whole: 'the disk',
    copyOffset: (what: string) => `Copy the offset of ${what}`,
    copyStart: (what: string) => `Copy the first sector of ${what}`,
    unknown: 'not known',
    notOpened: 'cannot be opened',
    label: (label: string) => `“${label}”`,
  },

  /** As libguestfs calls them, where others say it in another way. */
  fileSystems: {
    vfat: 'FAT',
    LVM2_member: 'LVM2',
    crypto_LUKS: 'LUKS (encrypted)',
    linux_raid_member: 'Linux RAID',
    zfs_member: 'ZFS',
  } as Readonly<Record<string, string>>,

  files: {
    title: 'Files',
    crumbs: 'Folder',
    disk: 'Disk',
    up: 'Up',
    tar: 'Download folder as tar',
    columns: { name: 'Name', size: 'Size', modified: 'Changed', mode: 'Rights' },
    kinds: { file: 'File', folder: 'Folder', link: 'Link', other: 'Device or socket' },
    filter: 'Filter by name',
    filterLoaded: 'Filter what is loaded',
    count: (shown: number, loaded: number, total: number) => {
      const all = formatCount(total, 'entry', 'entries');
      const of = loaded === total ? all : `the first ${loaded.toLocaleString('en-US')} of ${all}`;
      return shown === loaded ? of : `${shown.toLocaleString('en-US')} of ${of}`;
    },
    all: 'Load all',
    stopLoading: 'Stop',
    empty: 'This folder is empty.',
    noneMatch: 'None of these match.',
    pointsTo: (target: string) => `→ ${target}`,
    keys: 'Arrows move, Enter opens, Backspace goes up.',
    badName: 'The name is not valid UTF-8; it is shown as well as it can be.',
  },

  preview: {
    title: 'Preview',
    nothing: 'Choose a file to see how it begins.',
    kind: 'Kind',
    size: 'Size',
    modified: 'Changed',
    mode: 'Rights',
    target: 'Points to',
    targetWhy: 'Shown as text and never followed on this computer.',
    text: 'How it begins, as text',
    hex: 'How it begins, in hexadecimal',
    whole: 'All of it, as text',
    wholeHex: 'All of it, in hexadecimal',
    emptyFile: 'The file is empty.',
    download: 'Download',
    downloadTar: 'Download as tar',
    open: 'Open',
    none: 'This is not a file with content: there is nothing to show or to download.',
  },

  change: {
    button: 'Change files…',
    title: (name: string) => `Change files inside “${name}”?`,
    text: 'The image is opened for writing. You can then upload files, make folders and delete; each of these is written into the layer at once, and cannot be undone.',
    points: [
      'Its checksum is void from then on.',
      'While this is open no VM can start with it, and nothing else can change it.',
      'Take a snapshot of the VM first if you want a way back.',
    ],
    submit: 'Open for writing',
    tagRefusal: 'What a snapshot shows never changes.',
    standsRefusal: 'Other images stand on this layer and would read something else.',
    usedRefusal: (names: string) => `It is in use: ${names}.`,
    formatRefusal: (format: string) =>
      `Files are put into qcow2 and raw images only, and this is ${format}. Convert it first.`,
  },
  upload: {
    button: 'Upload files…',
    drop: 'Drop files here to upload them into this folder',
    doing: (name: string) => `Uploading ${name}`,
    done: (count: number) => `${formatCount(count, 'file', 'files')} uploaded`,
    replaceTitle: (count: number) => (count === 1 ? 'Replace this file?' : `Replace these ${count} files?`),
    replaceText: 'The folder has files of these names already. What is in them is lost.',
    replace: 'Replace',
    folderInWay: (name: string) => `A folder is called ${name} already.`,
    noFolders: 'Folders cannot be dropped: drop the files in them.',
    cancel: 'Cancel the upload',
  },
  newFolder: {
    button: 'New folder…',
    title: 'New folder',
    name: 'Name',
    submit: 'Make the folder',
    bad: 'A name needs a character, no slash, and is neither “.” nor “..”.',
  },
  remove: {
    button: 'Delete…',
    title: (name: string) => `Delete ${name}?`,
    file: 'It is deleted inside the image at once. There is no trash for it.',
    folder:
      'The folder and everything in it are deleted inside the image at once. There is no trash for them.',
    link: 'Only the link is deleted; what it points to stays.',
    submit: 'Delete',
    done: (name: string) => `${name} is deleted`,
  },
};

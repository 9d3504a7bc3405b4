import { formatBytes, formatCount } from '../lib/format.ts';

/** Images that are made of files. */
export const make = {
  button: 'Make from…',
  title: 'Make an image from…',
  of: 'What to make',
  kinds: { iso: 'ISO', floppy: 'Floppy', disk: 'Disk', seed: 'Cloud-init seed' },
  texts: {
    iso: 'Files on a disc that any guest reads. It is compared with them before it counts.',
    floppy: 'Files on a floppy as a PC formats it (FAT), for systems that read nothing else.',
    disk: 'Files on a disk with a file system, which a guest can also write. It is read back and compared before it counts.',
    seed: 'A seed disc for cloud-init: put it into the CD drive of a VM made from a cloud image, and its first start sets it up.',
  },
  name: 'Name of the image',
  into: 'Folder of the library',
  places: { label: 'Where the files are', page: 'Files from here', host: 'A folder of the host' },
  source: 'Folder of the host: what is in it will be in the root',
  files: {
    drop: 'Drop files and folders here',
    dropNow: 'Drop to add them',
    choose: 'Choose files…',
    chooseFolder: 'Choose a folder…',
    list: 'What was chosen',
    count: (files: number) => formatCount(files, 'file', 'files'),
    remove: (name: string) => `Leave out ${name}`,
    more: (count: number) => `and ${formatCount(count, 'more', 'more')}`,
    inner: (folder: string) => `Put what is in “${folder}” into the root, without that folder`,
  },
  problems: {
    tooMany: (most: number) => `More than ${most.toLocaleString('en')} files and folders do not fit on it.`,
    name: (path: string, problem: string) => `“${path}” cannot lie on it under that name: it ${problem}.`,
    huge: (path: string) => `“${path}” has 4 GiB or more, which FAT32 cannot hold. ext4 can.`,
    collision: (one: string, other: string) =>
      `“${one}” and “${other}” differ only in capital letters, which FAT does not tell.`,
    alike: (folder: string, most: number) =>
      `${folder === '' ? 'The root' : `“${folder}”`} has more than ${most} long names that begin alike, for which FAT has no short names.`,
  },
  forecast: {
    becomes: (entries: number, bytes: number, size: number) =>
      `${formatCount(entries, 'file or folder', 'files and folders')} with ${formatBytes(bytes)} become ${formatBytes(size)}.`,
    space: (folder: string, needed: number, spendable: number | null) =>
      `${formatBytes(needed)} at most in ${folder}${spendable === null ? '' : `, of ${formatBytes(spendable)} that may be used there`}.`,
  },
  sending: 'The files are being sent; the image is made as soon as all are here.',
  sentBefore: (filename: string, size: number) => `Of what was sent as ${filename} (${formatBytes(size)}).`,
  disk: {
    fileSystem: 'File system',
    fileSystems: { ext4: 'ext4 (Linux)', fat32: 'FAT32 (every system)' },
    label: 'Name of the file system',
    labelWrong: '1 to 16 letters, digits, _ - and .',
    table: 'Partitions',
    tables: { gpt: 'One, in a GPT', mbr: 'One, in an MBR', none: 'None: it fills the disk' },
    format: 'Format',
    formats: { qcow2: 'qcow2', raw: 'raw' },
    size: 'Size',
    sizes: { fitted: 'As the files need, and free', exact: 'Exactly' },
    free: 'Free besides',
    exact: 'Size of the disk',
    efi: 'Firmware boots from it (EFI system partition)',
    efiText: 'UEFI starts EFI/BOOT/BOOTX64.EFI of it, when that is among the files.',
  },
  label: 'Name of the disc, as a guest shows it',
  labelWrong: '1 to 32 letters, digits, _ - and .',
  floppyLabelWrong: '1 to 11 capital letters, digits, _ and -',
  floppySize: 'Floppy',
  floppySizes: {
    '720': '3½ inch, 720 KB',
    '1440': '3½ inch, 1.44 MB',
    '2880': '3½ inch, 2.88 MB',
  },
  joliet: 'Long names for Windows, too (Joliet)',
  joliets: 'Those for Unix (Rock Ridge) are always there. Links stay links and are not followed.',
  userData: 'User data',
  userDataText: 'Begins with #cloud-config, or with #! for a script.',
  metaData: 'Meta data',
  metaDataText: 'Empty: an instance of its own, so that a guest takes each new seed for its first.',
  networkConfig: 'Network configuration',
  networkConfigText: 'Empty: by DHCP.',
  userDataStart:
    '#cloud-config\nhostname: my-vm\nusers:\n  - name: me\n    sudo: ALL=(ALL) NOPASSWD:ALL\n    shell: /bin/bash\n    ssh_authorized_keys: []\n',
  secret: 'Whoever can read the image can read what stands here, passwords included.',
  submit: 'Make it',
};

/** Images that are made of files. */
export const make = {
  button: 'Make from…',
  title: 'Make an image from…',
  of: 'What to make',
  kinds: { iso: 'ISO', floppy: 'Floppy', seed: 'Cloud-init seed' },
  texts: {
    iso: 'Everything in a folder of the host, on a disc that any guest reads. It is compared with the folder before it counts.',
    floppy:
      'Everything in a folder of the host, on a floppy as a PC formats it (FAT), for systems that read nothing else.',
    seed: 'A seed disc for cloud-init: put it into the CD drive of a VM made from a cloud image, and its first start sets it up.',
  },
  name: 'Name of the image',
  into: 'Folder of the library',
  source: 'Folder of the host',
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

import { formatBytes, formatCount } from '../lib/format.ts';

export const plan = {
  making: 'Working out the plan…',
  stale: 'The world changed; this is the new plan.',
  blocked: 'This cannot run now',
  before: 'Before',
  after: 'After',
  fileTrashed: 'given up, file to the trash',
  fileToTrash: 'deleted, file to the trash',
  fileDeleted: 'merged, file deleted',
  grows: (bytes: number) => `receives ${formatBytes(bytes)}`,
  gives: (bytes: number, exact: boolean) => `gives back ${exact ? '' : 'about '}${formatBytes(bytes)}`,
  newLayer: 'new',
  leaves: 'no longer in this chain',
  staysBranch: 'stays as a branch',
  folded: (count: number) => `${formatCount(count, 'layer', 'layers')} that nothing happens to`,
  movesTo: (bytes: number, to: string) => `${formatBytes(bytes)} → ${to}`,
  activeOf: (names: readonly string[]) => `active layer of ${names.join(', ')}`,
  nothingChanges: 'The chains stay as they are.',
  live: 'Live: the guest keeps running. Its QEMU does the work.',
  offline: 'Offline: a storage daemon of QEMU does the work; the VM stays off meanwhile.',
  rewrites: 'Offline: a new file is written beside the layer, compared with it, and takes its place.',
  punches: 'Offline: holes are made in the file where it is zeros.',
  moves: {
    link: 'The file gets its new name on the same disk. Nothing is copied.',
    copy: 'The file is copied to another disk and compared byte for byte; then the old one goes.',
  },
  promotes: 'The disk continues on another branch. No data is moved, and what it leaves stays.',
  left: (count: number) =>
    `${formatCount(count, 'snapshot belongs', 'snapshots belong')} to the branch that is left, and ${count === 1 ? 'stays' : 'stay'} there`,
  switches: 'The disks continue on new, empty overlays. No data is moved.',
  space: {
    label: 'Free space',
    need: (need: number, free: number | null, mountPoint: string | null) =>
      `at most ${formatBytes(need)} needed${mountPoint === null ? '' : ` in ${mountPoint}`}${
        free === null ? '; how much is free is not known' : `, ${formatBytes(free)} free`
      }`,
    kept: (reserve: number) => `(without the ${formatBytes(reserve)} that are kept as a reserve)`,
    tooLittle: (missing: number) => `${formatBytes(missing)} too little`,
    none: 'no additional space needed',
  },
  facts: {
    how: 'How',
    moves: 'Data to move',
    gain: 'Comes back',
    exact: 'exactly, to the cluster: all of its data was read',
    estimate: (scanned: number) =>
      `about: ${formatBytes(scanned)} of its data, spread over all of it, was read`,
    file: 'File',
    newPlace: 'goes to',
    nothing: 'none',
  },
  deletes: (count: number, bytes: number) =>
    `Deletes ${formatCount(count, 'file', 'files')}, ${formatBytes(bytes)}`,
  trashes: (count: number, bytes: number) =>
    `Moves ${formatCount(count, 'file', 'files')} to the trash, ${formatBytes(bytes)}`,
  loses: (count: number) => `Loses ${formatCount(count, 'restore point', 'restore points')}`,
  losesText: 'Nobody can go back to there afterwards.',
  losesNothing: 'No restore point is lost.',
  movesSnapshots: 'Restore points that move (they show the same)',
  movesSnapshot: (name: string, to: string) => `${name} is then ${to}`,
  cancel: 'When it is cancelled',
  relinks: 'Links that change (contents stay the same)',
  relink: (name: string, to: string) => `${name} then stands on ${to}`,
  relinkNone: (name: string) => `${name} then stands alone`,
  unused: 'Left over: nothing stands on these any more, and their files stay',
  steps: 'What happens',
  commands: 'The commands it amounts to',
  run: 'Run',
  runRed: 'Run, and lose it',
  close: 'Not now',
};

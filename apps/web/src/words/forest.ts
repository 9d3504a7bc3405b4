import { formatCount } from '../lib/format.ts';

export const forest = {
  view: 'Show the images as',
  table: 'Table',
  forest: 'Forest',
  label: 'Forest of the library',
  tree: 'Forest: all images by what they stand on',
  help: 'Arrow keys: down to the backing, up to what stands on it, aside to the neighbours. Enter opens. + − 0 zoom.',
  groves: {
    chains: (count: number) => formatCount(count, 'chain', 'chains'),
    media: (count: number) => `Media: ${count}`,
    strays: (count: number) => `Nothing uses these: ${count}`,
  },
  gaps: {
    missing: 'backing file is missing',
    foreign: 'not in the library',
    cycle: 'a cycle: the chain leads back to itself',
  },
  vm: (name: string, disk: number, disks: number) =>
    disks > 1 ? `VM ${name}, disk ${disk} of ${disks}` : `VM ${name}`,
  disk: (disk: number, disks: number) => `disk ${disk} of ${disks}`,
  overlays: (count: number) => formatCount(count, 'overlay', 'overlays'),
  snapshot: (name: string) => `snapshot “${name}”`,
  internalSnapshot: (tag: string) => `internal snapshot “${tag}”`,
  problem: (message: string) => `problem: ${message}`,
  mediaCount: (count: number) => `in ${formatCount(count, 'VM', 'VMs')}`,
  unused: 'unused',
  found: (at: number, count: number) =>
    count === 0 ? 'Nothing found' : at === 0 ? `${count} found` : `${at} of ${count} found`,
  previous: 'Previous found',
  next: 'Next found',
  nextProblem: 'Go to the next problem',
  incomplete: 'A folder could not be read: more may stand on these images than is shown.',
  fit: 'Show all',
  zoomIn: 'Larger',
  zoomOut: 'Smaller',
};

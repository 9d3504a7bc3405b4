import { formatBytes, formatCount } from '../lib/format.ts';

export const adopt = {
  button: 'Adopt with its chains…',
  title: 'Adopt a folder of other tools',
  text: 'Strata reads the headers of all images in the folder, shows which chains they form and what is wrong with them, and does nothing before you say so.',
  path: 'Folder',
  look: 'Look at it',
  looking: 'Reading all headers…',
  mode: 'What to do with the files',
  modes: { register: 'Leave there', copy: 'Copy in', move: 'Move in' },
  modeTexts: {
    register: 'The folder becomes one of the library; the files stay where they are.',
    copy: 'Whole chains are copied into the library, with links that lead to the copies. The originals are not touched.',
    move: 'Whole chains are moved into the library. Every chain is whole at every moment; overlays outside the folder and the library are not known, and not rewritten.',
  },
  folder: 'Into',
  outside: 'Register the files outside the folder, too, that images in it stand on',
  formats: 'Write down the format of a backing where a header does not tell it and it is certain',
  facts: (images: number, chains: number, bytes: number) =>
    `${formatCount(images, 'image', 'images')} in ${formatCount(chains, 'chain', 'chains')}, ${formatBytes(bytes)} stored`,
  broken: (count: number) => `${formatCount(count, 'chain is', 'chains are')} not whole`,
  noImages: 'No images here.',
  chains: 'Chains, top first',
  outsideTitle: 'Outside the folder',
  neededBy: (count: number) => `${formatCount(count, 'image stands', 'images stand')} on it`,
  unreadable: 'Could not be read',
  actions: {
    register: 'will be registered',
    copy: 'will be copied',
    move: 'will be moved',
    known: 'in the library',
    leave: 'stays as it is',
  },
  becomes: (target: string) => `→ ${target}`,
  format: (format: string) => `its header will say that its backing is ${format}`,
  space: (need: number, free: number | null) =>
    free === null
      ? `${formatBytes(need)} to copy`
      : `${formatBytes(need)} to copy, ${formatBytes(free)} can be used there`,
  steps: 'What happens',
  run: 'Adopt',
  waiting: 'Look at the folder first.',
  started: (title: string) => `${title}: it goes on in the bar below.`,
};

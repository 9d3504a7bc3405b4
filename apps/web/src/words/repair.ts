import { formatBytes, formatCount } from '../lib/format.ts';

export const repair = {
  button: 'Repair…',
  offer: (name: string) => `Repair ${name}…`,
  of: (name: string) => `Repair ${name}`,
  title: (name: string) => `Repair “${name}”`,
  looking: 'Looking for what mends it…',
  none: 'Strata cannot mend this by itself. What helps is said with the problem.',
  leftAlone: (count: number) =>
    count === 1
      ? '1 image is left alone: what it stood on is lost.'
      : `${count} images are left alone: what they stood on is lost.`,
  showLeftAlone: 'Show',
  hideLeftAlone: 'Hide',
  sought: {
    lost: 'the lost file',
    outside: 'the file its header names',
    circle: 'what it stood on before',
  },
  remembered: (it: string, path: string, format: string, bytes: number) =>
    `Strata remembers ${it}: ${path}, ${format}, ${formatBytes(bytes)}.`,
  neverSeen: (it: string) => `Strata has never seen ${it}.`,
  candidates: 'Files that could be it',
  candidateCount: (count: number) => formatCount(count, 'file', 'files'),
  noCandidates: 'No file of the library fits. It may lie in a folder that Strata does not know.',
  folder: 'Look in another folder as well',
  look: 'Look there',
  verdicts: {
    proven: 'is it',
    likely: 'likely',
    possible: 'possible',
    unlikely: 'unlikely',
  },
  notInLibrary: 'not in the library yet: it is registered where it lies',
  weights: { for: 'For it:', against: 'Against it:', neutral: 'Not known:' },
  assume: 'I know that this file holds the same',
  assumeText:
    'Nobody can prove it. If the file holds something else, the image shows other data, and programs in it may damage them.',
  others: (count: number) =>
    count === 1
      ? 'Point the other overlay that has lost it there as well'
      : `Point the ${count} other overlays that have lost it there as well`,
  otherStays: (name: string, why: string) => `“${name}” has lost it too, and stays as it is. ${why}`,
  relink: 'Point it there',
  chooseFirst: 'Choose one of the files first.',
  assumeFirst: (it: string) => `Nobody can prove that it is ${it}: say that you know it, first.`,
  cutTitle: (name: string) => `Cut the link of “${name}”?`,
  cutConfirm: 'It stands alone: cut the link',
  sayFormat: (format: string) => `I know it is ${format}: write it down`,
  done: (title: string) => `${title}: it goes on in the bar below.`,
  changed: 'Done',
};

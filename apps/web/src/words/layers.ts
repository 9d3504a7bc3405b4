import { formatBytes, formatCount } from '../lib/format.ts';

export const layers = {
  diskTitle: (name: string) => `Disk ${name}`,
  chainTitle: 'Chain',
  facts: (size: number, layerCount: number, stored: number) =>
    `${formatBytes(size)} · ${formatCount(layerCount, 'layer', 'layers')} · ${formatBytes(stored)} stored`,
  gridLabel: (disk: string) =>
    `Layers of ${disk}, top first. Arrow keys move, Shift and arrow keys select a run, Enter goes to the actions; Alt and arrow down commits, Alt and arrow up pulls, Delete deletes, each with its plan first.`,
  roles: {
    active: 'active',
    layer: 'layer',
    base: 'base',
    media: 'medium',
    orphan: 'chain broken',
  },
  writesHere: 'the VM writes here',
  runningWritesHere: 'the VM is writing here',
  frozen: 'frozen while suspended',
  frozenWhy: (name: string) =>
    `“${name}” is suspended: its memory waits for exactly what this layer holds, so nothing writes it until the VM goes on.`,
  withMemory: (name: string) => `${name} + memory`,
  internalSnapshot: (tag: string) => `internal snapshot ${tag}`,
  internalSnapshots: (count: number, more: boolean) =>
    more ? `${count} more` : formatCount(count, 'internal snapshot', 'internal snapshots'),
  locked: (reasons: readonly string[]) => `locked: ${reasons.join('; ')}`,
  lockedBy: {
    overlay: (names: readonly string[]) =>
      `${quoted(names)} ${names.length === 1 ? 'stands' : 'stand'} on it`,
    vm: (names: readonly string[]) =>
      `the ${names.length === 1 ? 'VM' : 'VMs'} ${quoted(names)} ${names.length === 1 ? 'uses' : 'use'} it`,
    export: (names: readonly string[]) => `${quoted(names)} exports it`,
    inside: () => 'somebody looks into it',
    operation: (names: readonly string[]) =>
      names.length === 1
        ? `an operation is working on it (${names[0]})`
        : `${names.length} operations are working on it`,
    trash: (names: readonly string[]) =>
      `${quoted(names)} in the trash ${names.length === 1 ? 'stands' : 'stand'} on it`,
  },
  lockedWhy: 'A commit into it would change what they read. Pull data up instead.',
  missing: 'file missing',
  backingMissing: 'what it stands on is missing',
  branches: {
    stub: (name: string, layerCount: number) =>
      layerCount === 1 ? name : `${name} · ${formatCount(layerCount, 'layer', 'layers')}`,
    go: (name: string) => `Show the branch ${name}`,
    others: (count: number) => `${formatCount(count, 'other overlay', 'other overlays')} ↗`,
    more: (count: number) => `${count} more`,
    viewing: (name: string) =>
      `You are looking at the branch that ends in ${name}, not at the disk of the VM.`,
    back: "Back to the VM's disk",
  },
  sum: {
    title: 'What the guest sees',
    text: 'each byte in the colour of its layer',
  },
  legend: {
    solid: 'provides it to the guest',
    hatched: 'held, but hidden from above',
    empty: 'nothing',
  },
  approximate: 'Approximate: the VM is writing, and its last writes are not counted yet.',
  mapMissing: 'The cross-section could not be read',
  strip: {
    label: (name: string, visible: number, shadowed: number) =>
      `${name}: ${formatBytes(visible)} provided to the guest, ${formatBytes(shadowed)} hidden by layers above`,
    sumLabel: 'What the guest sees, by layer',
    visible: 'provided to the guest',
    shadowed: 'hidden by a layer above',
    hole: 'nothing stored here',
    at: (byte: number) => `at ${formatBytes(byte)}`,
    from: (name: string) => `from ${name}`,
    nobody: 'no layer: the guest reads zeros',
    pieces: 'in several pieces: look closer to see them',
  },
  zoom: {
    label:
      'The part of the disk that is drawn. + and − look closer and further away, the left and right arrow keys move, 0 shows all.',
    whole: 'the whole disk',
    range: (from: string, to: string) => `${from} – ${to}`,
    in: 'Closer (+, or Ctrl and the wheel)',
    out: 'Further away (−)',
    left: 'To the left (←)',
    right: 'To the right (→)',
    all: 'The whole disk (0)',
    isWhole: 'This is the whole disk',
    isClosest: 'Closer there is nothing more to see',
    atStart: 'This is where the disk begins',
    atEnd: 'This is where the disk ends',
  },
  table: {
    show: 'The drawing as a table',
    caption: (disk: string) => `Layers of ${disk}, top first`,
    layer: 'Layer',
    role: 'Role',
    stored: 'File',
    provides: 'Provides',
    hidden: 'Hidden',
    where: 'Where it provides data',
    parts: (count: number) => `${formatCount(count, 'part', 'parts')}`,
    nowhere: 'nowhere',
  },
  panel: {
    label: 'Actions',
    nothing: {
      title: 'Select a layer',
      text: 'Click one, or Shift-click a second one for a run. What can be done with it appears here, with what it costs.',
      drag: 'Dragging a layer down onto another proposes a commit, up a pull.',
    },
    one: (name: string) => name,
    many: (count: number) => `${count} layers selected`,
    span: (lower: string, upper: string) => `${lower} → ${upper}`,
    facts: (stored: number, visible: number) =>
      `${formatBytes(stored)} stored, ${formatBytes(visible)} of it still visible`,
    factsWithoutMap: (stored: number) => `${formatBytes(stored)} stored`,
    only: 'It is the only layer: there is nothing to commit into or to pull from.',
    base: 'It is the base: there is nothing below to commit into or to pull from.',
    further: 'Commit further down',
    clear: 'Clear the selection',
    details: 'Image in the library',
    pricing: 'working out what it costs…',
    busy: (title: string) => `An operation is working on this chain. Wait until it has ended: ${title}`,
    choose: 'Plan',
  },
  actions: {
    'commit-below': (sources: string, target: string) => `Commit ${sources} into ${target}\u00a0↓`,
    'commit-further': (sources: string, target: string) => `Commit ${sources} into ${target}\u00a0↓`,
    'merge-run': (sources: string, target: string) => `Commit ${sources} into ${target}\u00a0↓`,
    'pull-above': (sources: string, target: string) => `Pull ${sources} up into ${target}\u00a0↑`,
    'pull-below': (sources: string, target: string) => `Pull ${sources} up into ${target}\u00a0↑`,
    'pull-run': (sources: string, target: string) => `Pull ${sources} up into ${target}\u00a0↑`,
    'pull-all': (_sources: string, target: string) => `Flatten: pull everything up into ${target}\u00a0↑`,
    delete: (_sources: string, target: string) => `Delete ${target}`,
  },
  deletion: {
    mode: 'Where its data goes',
    modes: { auto: 'Whichever costs less', commit: 'Down (commit)', pull: 'Up (pull)' },
  },
  rebase: {
    title: (name: string) => `Rebase ${name}`,
    backing: 'Stand on',
    choose: 'Choose what it is to stand on',
    nothing: 'nothing: it stands alone',
    mode: 'How',
    modes: { safe: 'Keep the contents', relink: 'Only change the link' },
    modeText: {
      safe: 'It reads the same afterwards, whatever the new backing holds: what differs is copied.',
      relink:
        'For a base that was moved or renamed. Old and new are compared over their whole size first; when they differ, nothing is changed.',
    },
    assume: 'The old backing is gone. I know that the new one has the same contents.',
    assumeText: 'Nobody can check that. If it is not so, this layer shows wrong data.',
  },
  offers: {
    branch: (name: string) => `Branch a new VM from ${name}`,
    branchText: 'a new overlay, about 200 KiB · this layer stays as it is',
    overlay: (name: string) => `Create an overlay on ${name}`,
    overlayText: 'a new image, about 200 KiB',
    move: (name: string) => `Move ${name}…`,
    moveText: 'to another folder, also while its VM runs',
    compact: (name: string) => `Compact ${name}…`,
    promote: (vm: string | null, name: string) =>
      vm === null ? `Let a VM continue on ${name}…` : `Let “${vm}” continue on ${name}…`,
    promoteText: 'writes it, or a new overlay where something stands on it; what it leaves stays',
    compactText: 'gives back zeros and unused clusters · what it gains is measured first',
    rebase: (name: string) => `Rebase ${name} onto another image…`,
    rebaseText: 'reads the same, or only the link is changed · you choose the image, then see the plan',
  },
  keys: {
    title: 'With the keyboard',
    list: [
      { combination: ['↑', '↓'], meaning: 'to another layer' },
      { combination: ['Shift', '↑', '↓'], meaning: 'select a run' },
      { combination: ['Alt', '↓'], meaning: 'commit one layer down' },
      { combination: ['Alt', '↑'], meaning: 'pull one layer up' },
      { combination: ['Del'], meaning: 'delete the layer' },
      { combination: ['Enter'], meaning: 'to the actions' },
      { combination: ['+', '−', '0'], meaning: 'closer, further, all' },
      { combination: ['←', '→'], meaning: 'along the disk' },
      { combination: ['Esc'], meaning: 'let go' },
    ],
    nothing: 'There is no layer there.',
  },
  selectionBar: {
    label: 'Selection',
    extend: 'Select up to…',
    extending: 'Now tap the other end',
    actions: 'Actions',
  },
  allOf: (count: number) => `all ${count}`,
  both: 'both',
  price: {
    moves: (bytes: number) => `moves ${formatBytes(bytes)}`,
    copies: (bytes: number) => `copies ${formatBytes(bytes)}`,
    copiesAtMost: (bytes: number) => `copies at most ${formatBytes(bytes)}`,
    by: {
      commit: 'by committing it down',
      pull: 'by pulling it up',
      trash: 'by moving its file to the trash',
      copy: 'by copying what differs',
      relink: 'by changing the link alone',
      rewrite: 'by writing it anew',
      punch: 'by making holes',
      mirror: 'by the running VM',
      link: 'by another name',
    },
    other: (how: string, moved: string, lost: number) =>
      `or ${how}: ${moved}${lost === 0 ? '' : `, loses ${formatCount(lost, 'restore point', 'restore points')}`}`,
    otherBlocked: (how: string, why: string) => `not ${how}: ${why}`,
    frees: (bytes: number) => `frees ${formatBytes(bytes)}`,
    needs: (bytes: number, free: number | null) =>
      free === null
        ? `needs ${formatBytes(bytes)} free`
        : `needs ${formatBytes(bytes)} free (${formatBytes(free)} are)`,
    live: 'live, the guest keeps running',
    offline: 'offline',
    losesNothing: 'loses nothing',
    loses: (names: readonly string[]) =>
      `loses the restore ${names.length === 1 ? 'point' : 'points'} ${quoted(names)}`,
    blocked: (count: number) => (count > 1 ? `not possible, for ${count} reasons:` : 'not possible:'),
  },
  drag: {
    none: 'Nothing can be done here',
    start: 'Down onto a layer: commit. Up onto a layer: pull. Esc: leave it.',
  },
  noDisks: {
    title: 'This VM has no disk',
    text: 'Layers appear here when it has one. Add a disk in the Hardware tab.',
  },
};

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `“${name}”`);
  if (names.length > 3) shown.push(`${names.length - 3} more`);
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

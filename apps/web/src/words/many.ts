import type { LastCheck } from '@strata/contract';
import { formatCount } from '../lib/format.ts';

export const many = {
  label: 'Several images',
  select: (name: string) => `Select ${name}`,
  selectAll: 'Select all that are shown',
  selected: (count: number) => `${formatCount(count, 'image', 'images')} selected`,
  clear: 'Select none',
  check: 'Check',
  checkAll: 'Check all',
  checkText:
    'The tables of each file are read; nothing is changed. Images in use are left out, and VMs whose images are still to come cannot start meanwhile.',
  move: 'Move…',
  moveTitle: (count: number) => `Move ${formatCount(count, 'image', 'images')} to another folder`,
  moveText:
    'One after the other, each with every link to it: VMs, snapshots and overlays find them there as before. What is in use stays where it is and is named at the end.',
  moveFolder: 'To the folder',
  moveSubmit: 'Move',
  noFolder: 'The library has only one folder. Register another one first.',
  lastCheck: 'Checked',
  states: { clean: 'sound', leaks: 'lost clusters', errors: 'errors' } satisfies Record<
    LastCheck['state'],
    string
  >,
};

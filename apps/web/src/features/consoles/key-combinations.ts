/** Names of keys are QEMU's (qcodes). F1 to F7 with Ctrl-Alt are the virtual terminals of Linux. */
export const keyCombinations: readonly { label: string; keys: readonly string[] }[] = [
  { label: 'Ctrl-Alt-Del', keys: ['ctrl', 'alt', 'delete'] },
  ...Array.from({ length: 7 }, (_, index) => ({
    label: `Ctrl-Alt-F${index + 1}`,
    keys: ['ctrl', 'alt', `f${index + 1}`],
  })),
  { label: 'Ctrl-Alt-Backspace', keys: ['ctrl', 'alt', 'backspace'] },
  { label: 'Alt-Tab', keys: ['alt', 'tab'] },
  { label: 'Alt-F4', keys: ['alt', 'f4'] },
  { label: 'Ctrl-Esc', keys: ['ctrl', 'esc'] },
  { label: 'Super', keys: ['meta_l'] },
  { label: 'Super-R', keys: ['meta_l', 'r'] },
  { label: 'Print Screen', keys: ['print'] },
  { label: 'F8', keys: ['f8'] },
  { label: 'F12', keys: ['f12'] },
];

export const log = {
  command: 'Command line',
  commandText: 'What starts this VM, exactly. It can be pasted into a shell.',
  copyCommand: 'Copy the command',
  output: 'Output of QEMU',
  noOutput: 'QEMU has said nothing.',
  truncated: 'Only the end is shown.',
  events: 'Events',
  noEvents: 'Nothing has happened yet.',
};

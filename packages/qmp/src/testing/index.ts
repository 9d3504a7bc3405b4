export {
  type CommandScript,
  FakeQemu,
  FakeQemuError,
  type FakeQemuOptions,
  noAnswer,
  type ReceivedCommand,
} from './fake-qemu.ts';

export { describeDisk, recognizeFileSystem } from './describe-disk.ts';
export type {
  BootWay,
  DiskDescription,
  DiskPartition,
  FileSystem,
  FileSystemKind,
  SystemGuess,
} from './file-systems.types.ts';

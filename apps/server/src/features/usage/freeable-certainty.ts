import type { Survey } from './survey.ts';
import type { UsedFile } from './used-files.ts';

/** A file with other names, or on a disk where copies share blocks, may free less than it takes. */
export const certaintyOf = ({ fileSystems }: Survey, file: UsedFile): 'exact' | 'up-to' =>
  file.names > 1 || fileSystems.get(file.device)?.sharesBlocks === true ? 'up-to' : 'exact';

import { over } from './image-work.ts';
import { inTurn, runLimited } from './limited-process.ts';
import { inWords } from './qemu-errors.ts';
import { heavy } from './qemu-img.ts';
import { readQcow2Header } from './read-header.ts';

/*
 * Internal snapshots of a qcow2 image that no QEMU has open. Ended in the middle these calls would leave clusters that
 * nobody uses, so they go on when the server is killed; the next one asks again what the header says.
 */

export interface ImageTag {
  readonly id: string;
  readonly tag: string;
  readonly dateSeconds: number;
  /** 0: of the disk alone. */
  readonly vmStateSize: number;
}

/** As the header has them, whoever has the image open: QEMU writes its table of them at once. */
export const readTags = async (path: string): Promise<readonly ImageTag[]> =>
  (await readQcow2Header(path)).qcow2?.snapshots ?? [];

const change = (doing: string, action: '-c' | '-a' | '-d', path: string, tag: string): Promise<void> =>
  inWords(`${doing} ${path}`, async () => {
    // Of one file: its backing is not opened.
    const args = ['snapshot', '-q', action, tag, '--', over(path, null)];
    await inTurn('heavy', () => runLimited('qemu-img', args, heavy, { outlivesServer: true }));
  });

/** Done before: nothing. `qemu-img` itself would make a second one of the same name. */
export const createTag = async (path: string, tag: string): Promise<void> => {
  if ((await readTags(path)).some((known) => known.tag === tag)) return;
  await change('Taking an internal snapshot of', '-c', path, tag);
};

/** The image reads as it did then; again and again the same. */
export const applyTag = (path: string, tag: string): Promise<void> => change('Reverting', '-a', path, tag);

/** Gone already: nothing. */
export const deleteTag = async (path: string, tag: string): Promise<void> => {
  if (!(await readTags(path)).some((known) => known.tag === tag)) return;
  await change('Deleting an internal snapshot of', '-d', path, tag);
};

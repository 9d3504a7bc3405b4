import type { Download, Freeable, Upload } from '@strata/contract';
import { certaintyOf } from './freeable-certainty.ts';
import type { Survey } from './survey.ts';

interface FileSources {
  readonly survey: Survey;
  readonly uploads: readonly Pick<Upload, 'id' | 'filename' | 'state'>[];
  readonly downloads: readonly Pick<Download, 'id' | 'name'>[];
}

const trashItems = ({ survey }: FileSources): Freeable[] =>
  survey.trash.flatMap(({ row, file }) =>
    file === null
      ? []
      : [
          {
            ...{ key: `trash-${row.id}`, kind: 'trash' as const, name: row.name, bytes: file.bytes },
            certainty: certaintyOf(survey, file),
            how: 'Delete it from the trash for good.',
            loses: 'It can no longer be restored.',
            link: { to: 'trash' as const },
          },
        ],
  );

const uploadItems = ({ survey, uploads }: FileSources): Freeable[] =>
  uploads.flatMap(({ id, filename, state }) => {
    const file = survey.uploads.find(({ path }) => path.endsWith(`/${id}.part`));
    return file === undefined || state === 'importing' || state === 'making'
      ? []
      : [
          {
            ...{ key: `upload-${id}`, kind: 'upload' as const, name: filename, bytes: file.bytes },
            certainty: 'exact' as const,
            how: 'Remove what was sent of this upload.',
            loses: 'To upload it later, all of it is sent again.',
            link: { to: 'library' as const },
          },
        ];
  });

const downloadItems = ({ survey, downloads }: FileSources): Freeable[] =>
  downloads.map(({ id, name }) => {
    const files = survey.downloads.filter(({ path }) => path.includes(`/outgoing/${id}/`));
    return {
      ...{ key: `download-${id}`, kind: 'download', name, certainty: 'exact' },
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      how: 'Remove this file, which was made to be downloaded.',
      loses: 'Nothing: it can be made again. It goes by itself a day after it was made.',
      link: { to: 'download', downloadId: id },
    };
  });

const memoryItems = ({ survey }: FileSources): Freeable[] =>
  survey.vms.flatMap(({ id, name, files, suspended }) => {
    const memory = files.find(({ file }) => suspended !== null && file.path.endsWith(`/memory/${suspended}`));
    return memory === undefined
      ? []
      : [
          {
            ...{ key: `memory-${id}`, kind: 'memory' as const, name, bytes: memory.file.bytes },
            certainty: certaintyOf(survey, memory.file),
            how: 'Start the VM, which takes its memory up and removes the file; or give the memory up.',
            loses: 'Given up: what its guest had in memory and had not written to a disk. It starts anew.',
            link: { to: 'vm' as const, vmId: id },
          },
        ];
  });

/** What is no image, or no longer one. */
export const fileItems = (sources: FileSources): Freeable[] => [
  ...trashItems(sources),
  ...uploadItems(sources),
  ...downloadItems(sources),
  ...memoryItems(sources),
];

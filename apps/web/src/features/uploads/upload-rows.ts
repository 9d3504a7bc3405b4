import type { Operation, Upload } from '@strata/contract';
import { formatDuration, formatRate } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import type { UploadJob } from './upload-queue.ts';

/** A line of the list of uploads: a file that this page sends, or one that the server has a part of. */
export interface UploadRow {
  readonly key: string;
  readonly filename: string;
  readonly size: number;
  readonly state:
    | 'waiting'
    | 'sending'
    | 'paused'
    | 'failed'
    | 'unfinished'
    | 'elsewhere'
    | 'importing'
    | 'ready'
    | 'done'
    | 'refused'
    | 'cancelled';
  readonly text: string;
  /** Of the bar; null where there is none. */
  readonly percent: number | null;
  readonly job: UploadJob | null;
  readonly upload: Upload | null;
  readonly result: {
    readonly imageId?: string;
    readonly vmId?: string;
    readonly notMapped: readonly string[];
  } | null;
}

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

const sendingText = ({ sent, file, from }: UploadJob, now: number): string => {
  const seconds = from === null ? 0 : (now - from.at) / 1000;
  const rate = from === null || seconds < 1 ? null : (sent - from.sent) / seconds;
  const known = rate !== null && rate > 0;
  const left = known ? formatDuration((file.size - sent) / rate) : null;
  return words.uploads.states.sending(sent, file.size, known ? formatRate(rate) : null, left);
};

const ofOperation = (
  operation: Operation | undefined,
  working: string = words.uploads.states.importing,
): Pick<UploadRow, 'state' | 'text' | 'percent' | 'result'> => {
  const { states } = words.uploads;
  const result = (operation?.result ?? null) as UploadRow['result'];
  if (operation?.state === 'done') return { state: 'done', text: states.done, percent: null, result };
  if (operation?.state === 'cancelled')
    return { state: 'cancelled', text: states.cancelled, percent: null, result: null };
  if (operation?.state === 'failed') {
    const refused = operation.error?.code === 'image-refused';
    return {
      state: refused ? 'refused' : 'failed',
      text: operation.error?.message ?? states.failed,
      percent: null,
      result: null,
    };
  }
  const { done = 0, total = 0 } = operation?.progress ?? {};
  return { state: 'importing', text: working, percent: percent(done, total), result: null };
};

const ofJob = (job: UploadJob, operations: ReadonlyMap<string, Operation>, now: number) => {
  const { states } = words.uploads;
  const { state, sent, file, error, operationId } = job;
  const bar = percent(sent, file.size);
  switch (state) {
    case 'waiting':
      return { state, text: states.waiting, percent: bar, result: null } as const;
    case 'sending':
      return { state, text: sendingText(job, now), percent: bar, result: null } as const;
    case 'paused':
      return { state, text: states.paused(sent, file.size), percent: bar, result: null } as const;
    case 'failed':
      return { state, text: error ?? states.failed, percent: bar, result: null } as const;
    case 'sent':
      return ofOperation(operationId === null ? undefined : operations.get(operationId));
  }
};

const ofUpload = (upload: Upload, operations: ReadonlyMap<string, Operation>) => {
  const { states } = words.uploads;
  const { state, offset, size, active, operationId, error, purpose } = upload;
  const bar = percent(offset, size);
  if (state === 'importing' || state === 'making')
    return ofOperation(
      operationId === null ? undefined : operations.get(operationId),
      state === 'making' ? states.making : states.importing,
    );
  if (state === 'ready') {
    const text = error === null ? states.ready : states.readyAfter(error.message);
    return { state, text, percent: null, result: null } as const;
  }
  if (state === 'failed')
    return { state, text: error?.message ?? states.failed, percent: null, result: null } as const;
  if (active) return { state: 'elsewhere', text: states.elsewhere, percent: bar, result: null } as const;
  const text = purpose === 'make' ? states.unfinishedFiles(offset, size) : states.unfinished(offset, size);
  return { state: 'unfinished', text, percent: bar, result: null } as const;
};

/** The server tells everybody of a new upload, and may do so before it answers whoever began it. */
const isBegun = ({ uploadId, state, file }: UploadJob, { filename, size }: Upload): boolean =>
  uploadId === null && state !== 'waiting' && file.name === filename && file.size === size;

/** What this page sends first, then what the server knows beside. */
export const uploadRows = (
  jobs: readonly UploadJob[],
  uploads: readonly Upload[],
  operations: readonly Operation[],
  now: number,
): UploadRow[] => {
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const ofServer = new Map(uploads.map((upload) => [upload.id, upload]));
  const mine = new Set(jobs.map(({ uploadId }) => uploadId));
  return [
    ...jobs.map((job): UploadRow => {
      const upload = ofServer.get(job.uploadId ?? '') ?? null;
      return {
        key: job.key,
        filename: job.file.name,
        size: job.file.size,
        job,
        upload,
        ...(upload?.state === 'ready' && job.operationId !== null
          ? ofUpload(upload, byId)
          : ofJob(job, byId, now)),
      };
    }),
    ...uploads
      .filter((upload) => !mine.has(upload.id) && !jobs.some((job) => isBegun(job, upload)))
      .map(
        (upload): UploadRow => ({
          key: upload.id,
          filename: upload.filename,
          size: upload.size,
          job: null,
          upload,
          ...ofUpload(upload, byId),
        }),
      ),
  ];
};

import { type ArrivalFormat, apiPrefix, foreignFormat, foreignNames, type Operation } from '@strata/contract';
import { type DetailedError, type HttpResponse, Upload } from 'tus-js-client';
import { currentToken } from '../../api/access.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';

/** One file that this page sends. */
export interface UploadJob {
  readonly key: string;
  readonly file: File;
  readonly state: 'waiting' | 'sending' | 'paused' | 'failed' | 'sent';
  readonly sent: number;
  /** Where this run began, and when: for the speed. */
  readonly from: { readonly sent: number; readonly at: number } | null;
  readonly error: string | null;
  /** On the server, when that has begun. */
  readonly uploadId: string | null;
  readonly operationId: string | null;
}

export interface SendOptions {
  readonly sha256?: string | undefined;
  /** Goes on with that upload of the server, which the person says is of this file. */
  readonly onto?: string;
  readonly format?: ArrivalFormat;
  /** It is a pack of files for a new image: begins that when all of it is there. */
  readonly make?: (uploadId: string) => Promise<Operation>;
}

/** The server writes four at the same time; one stays for other pages. */
const mostAtOnce = 3;
/** What is sent again at most when the connection breaks. */
const partSize = 16 * 1024 ** 2;
const retryDelays = [0, 500, 1000, 2000, 4000, 8000, 15_000, 30_000];

const uploadIdOf = (url: string | null): string | null => url?.split('/').at(-1) ?? null;

const isWorthAgain = (error: DetailedError): boolean => {
  const status = error.originalResponse?.getStatus() ?? 0;
  return (
    status === 0 || status === 409 || status === 423 || status === 429 || (status >= 500 && status !== 507)
  );
};

const wordsOf = (error: Error | DetailedError): string => {
  const response = 'originalResponse' in error ? error.originalResponse : null;
  if (response === null || response.getStatus() === 0) return words.uploads.unreachable;
  try {
    const { detail } = JSON.parse(response.getBody()) as { detail?: string };
    return detail ?? words.uploads.failedFallback;
  } catch {
    return words.uploads.failedFallback;
  }
};

/** The files that this page sends: outlives the pages of the router, a few at a time, the others wait. */
export class UploadQueue {
  #jobs: readonly UploadJob[] = [];
  readonly #uploads = new Map<string, Upload>();
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly jobs = (): readonly UploadJob[] => this.#jobs;

  async add(file: File, { sha256, onto, format, make }: SendOptions = {}): Promise<void> {
    const key = crypto.randomUUID();
    // Taken in only when somebody says so: who drops a file of such a name has.
    const said = format ?? foreignFormat.options.find((each) => foreignNames[each].test(file.name));
    const upload = new Upload(file, {
      endpoint: `${location.origin}${apiPrefix}/uploads`,
      ...(onto === undefined ? {} : { uploadUrl: `${location.origin}${apiPrefix}/uploads/${onto}` }),
      metadata: {
        filename: file.name,
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(said === undefined ? {} : { format: said }),
        ...(make === undefined ? {} : { purpose: 'make' }),
      },
      chunkSize: partSize,
      retryDelays,
      removeFingerprintOnSuccess: true,
      // A pack is made anew each time: only this page can go on with it.
      storeFingerprintForResuming: make === undefined,
      onShouldRetry: isWorthAgain,
      onBeforeRequest: (request) => request.setHeader('Authorization', `Bearer ${currentToken() ?? ''}`),
      onUploadUrlAvailable: () => this.#change(key, { uploadId: uploadIdOf(upload.url) }),
      onProgress: (sent) => this.#progress(key, sent),
      onSuccess: ({ lastResponse }) =>
        make === undefined ? this.#sent(key, lastResponse) : void this.#make(key, make),
      onError: (error) => {
        this.#change(key, { state: 'failed', error: wordsOf(error), from: null });
        this.#next();
      },
    });
    // Sent before, in this browser, and not to its end: the same name, size and time of change.
    const [before] =
      onto === undefined && make === undefined ? await upload.findPreviousUploads().catch(() => []) : [];
    if (before !== undefined) upload.resumeFromPreviousUpload(before);
    const uploadId = onto ?? uploadIdOf(before?.uploadUrl ?? null);
    // Dropped twice: it is on its way.
    if (uploadId !== null && this.#jobs.some((job) => job.uploadId === uploadId && job.state !== 'sent'))
      return;
    this.#uploads.set(key, upload);
    const job: UploadJob = {
      ...{ key, file, state: 'waiting', sent: 0, from: null, error: null },
      ...{ uploadId, operationId: null },
    };
    this.#set([...this.#jobs, job]);
    this.#next();
  }

  pause(key: string): void {
    this.#change(key, { state: 'paused', from: null });
    void this.#uploads.get(key)?.abort();
    this.#next();
  }

  resume(key: string): void {
    this.#change(key, { state: 'waiting', error: null });
    this.#next();
  }

  /** Out of this page's list; what was sent stays on the server. */
  dismiss(key: string): void {
    void this.#uploads.get(key)?.abort();
    this.#uploads.delete(key);
    this.#set(this.#jobs.filter((job) => job.key !== key));
    this.#next();
  }

  #next(): void {
    const free = mostAtOnce - this.#jobs.filter(({ state }) => state === 'sending').length;
    for (const { key } of this.#jobs.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, free)))
      this.#begin(key);
  }

  #begin(key: string): void {
    this.#change(key, { state: 'sending', from: null });
    this.#uploads.get(key)?.start();
  }

  #progress(key: string, sent: number): void {
    const job = this.#find(key);
    if (job?.state !== 'sending') return;
    this.#change(key, { sent, from: job.from ?? { sent, at: performance.now() } });
  }

  #sent(key: string, response: HttpResponse): void {
    const operationId = response.getHeader('Strata-Operation') ?? null;
    const job = this.#find(key);
    this.#change(key, { state: 'sent', sent: job?.file.size ?? 0, from: null, operationId });
    this.#next();
  }

  /** Of a pack of files. When no image can be made of it, it waits on the server, and is told of as such. */
  async #make(key: string, make: (uploadId: string) => Promise<Operation>): Promise<void> {
    const job = this.#find(key);
    this.#change(key, { sent: job?.file.size ?? 0, from: null });
    try {
      const { id } = await make(uploadIdOf(this.#uploads.get(key)?.url ?? null) ?? '');
      this.#change(key, { state: 'sent', operationId: id });
      this.#next();
    } catch (error) {
      this.dismiss(key);
      notifyError(error);
    }
  }

  #find(key: string): UploadJob | undefined {
    return this.#jobs.find((job) => job.key === key);
  }

  #change(key: string, what: Partial<UploadJob>): void {
    this.#set(this.#jobs.map((job) => (job.key === key ? { ...job, ...what } : job)));
  }

  #set(jobs: readonly UploadJob[]): void {
    this.#jobs = jobs;
    for (const listener of this.#listeners) listener();
  }
}

export const uploadQueue = new UploadQueue();

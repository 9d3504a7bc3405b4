import type { Readable } from 'node:stream';
import type { ErrorCode } from '@strata/contract';
import { type DataStore, type Lock, Server, type Upload } from '@tus/server';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';

/** What of a request the protocol is about; who may speak was settled before. */
export interface TusRequest {
  readonly method: string;
  /** With the path only. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable | null;
}

export interface TusAnswer {
  readonly status: number;
  readonly headers: ReadonlyArray<readonly [string, string]>;
}

export interface TusDoor {
  /** Throws an `AppError` for everything that is not a success. */
  handle(request: TusRequest): Promise<TusAnswer>;
}

export interface TusDoorDeps {
  readonly path: string;
  readonly store: DataStore;
  /** Whether a new upload may begin; throws when not. */
  admit(upload: Upload): Promise<void>;
  /** Told before the last part is acknowledged; what it answers are headers of that answer. */
  finished(id: string): Promise<Record<string, string>>;
}

/** Read from the connection only when it is asked for, so that a refused body can still be passed over. */
const lazily = (body: Readable): { stream: ReadableStream; letGo(): void } => {
  let chunks: AsyncIterator<Buffer> | null = null;
  const stream = new ReadableStream(
    {
      pull: async (controller) => {
        chunks ??= body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    letGo: () => {
      void chunks?.return?.().catch(() => {});
      body.resume();
    },
  };
};

/** One writer an upload; whoever comes second is told so, and tries again (security.md §7, row 38). */
class OneWriter {
  readonly #held = new Set<string>();

  newLock(id: string): Lock {
    let mine = false;
    return {
      lock: async () => {
        if (this.#held.has(id))
          throw new AppError('upload-conflict', 'Another request is writing this upload. Try again.');
        this.#held.add(id);
        mine = true;
      },
      unlock: async () => {
        if (mine) this.#held.delete(id);
      },
    };
  }
}

/** The server's own refusals, by their status: their words are for developers of clients. */
const codes: Readonly<Record<number, ErrorCode>> = {
  403: 'invalid-request',
  404: 'not-found',
  409: 'upload-conflict',
  410: 'not-found',
  412: 'upload-protocol',
  413: 'body-too-large',
};
const own: Readonly<Partial<Record<number, string>>> = {
  409: 'The upload is at another offset by now. Ask for it (HEAD) and go on from there.',
  412: 'Uploads speak tus 1.0.0: send “Tus-Resumable: 1.0.0”.',
  413: 'That is more than was announced with Upload-Length.',
};

const asAppError = (error: unknown, status: number, words: string): AppError => {
  if (error instanceof AppError) return error;
  const found = (error as { status_code?: number } | null)?.status_code ?? status;
  // Not of the protocol: it goes out as what it is.
  if (found >= 500 && error instanceof Error) throw error;
  return new AppError(codes[found] ?? 'invalid-request', own[found] ?? words.trim());
};

/** The tus protocol, as a kept server speaks it, behind our own guard and with our own errors. */
export const createTusDoor = ({ path, store, admit, finished }: TusDoorDeps): TusDoor => {
  const failures = new WeakMap<object, unknown>();
  const locks = new OneWriter();
  const server = new Server({
    path,
    datastore: store,
    relativeLocation: true,
    locker: { newLock: (id) => locks.newLock(id) },
    namingFunction: newId,
    onUploadCreate: async (_request, upload) => {
      await admit(upload);
      return {};
    },
    onUploadFinish: async (_request, { id }) => ({ headers: await finished(id) }),
    onResponseError: (request, error) => {
      failures.set(request, error);
      return undefined;
    },
  });

  return {
    handle: async ({ method, url, headers, body }) => {
      const lazy = body === null ? null : lazily(body);
      const init = { method, headers, ...(lazy === null ? {} : { body: lazy.stream, duplex: 'half' }) };
      const request = new Request(`http://localhost${url}`, init as RequestInit);
      try {
        const answer = await server.handleWeb(request);
        const { status } = answer;
        if (status >= 400) throw asAppError(failures.get(request), status, await answer.text());
        // Other pages have no business here: what it says about them is left out (security.md, SEC-03).
        const kept = [...answer.headers].filter(([name]) => !/^(access-control-|content-length$)/.test(name));
        return { status, headers: kept };
      } finally {
        lazy?.letGo();
      }
    },
  };
};

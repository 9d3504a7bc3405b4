import { apiPrefix, type Operation } from '@strata/contract';

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever is answered, and fails where it is not so.
type Json = any;

export interface UploadAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** The tus protocol and the API, spoken over a real connection. */
export interface UploadClient {
  call(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: Buffer | string,
  ): Promise<UploadAnswer>;
  /** Answers the id of a new upload; throws unless it is made. */
  create(size: number, metadata: Record<string, string>): Promise<string>;
  begin(size: number, metadata: Record<string, string>): Promise<UploadAnswer>;
  offset(id: string): Promise<number>;
  part(id: string, offset: number, bytes: Buffer): Promise<UploadAnswer>;
  /** All of it; answers how the operation that takes it in has ended. */
  send(bytes: Buffer, metadata: Record<string, string>): Promise<Operation>;
  ended(operationId: string): Promise<Operation>;
}

const encoded = (metadata: Record<string, string>): string =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');

export const uploadClient = (port: number, token: string): UploadClient => {
  const call: UploadClient['call'] = async (method, path, headers = {}, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${apiPrefix}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, connection: 'close', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) };
  };
  const tus = { 'tus-resumable': '1.0.0' };
  const begin: UploadClient['begin'] = (size, metadata) =>
    call('POST', '/uploads', { ...tus, 'upload-length': String(size), 'upload-metadata': encoded(metadata) });
  const create: UploadClient['create'] = async (size, metadata) => {
    const { status, headers, body } = await begin(size, metadata);
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
    return headers.get('location')?.split('/').at(-1) ?? '';
  };
  const part: UploadClient['part'] = (id, offset, bytes) =>
    call(
      'PATCH',
      `/uploads/${id}`,
      { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      bytes,
    );
  const ended: UploadClient['ended'] = async (operationId) => {
    for (;;) {
      const { body } = await call('GET', `/operations/${operationId}`);
      if (body.endedAt !== null) return body as Operation;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    call,
    begin,
    create,
    part,
    ended,
    offset: async (id) => Number((await call('HEAD', `/uploads/${id}`, tus)).headers.get('upload-offset')),
    send: async (bytes, metadata) => {
      const id = await create(bytes.length, metadata);
      const { status, headers, body } = await part(id, 0, bytes);
      const operationId = headers.get('strata-operation');
      if (operationId === null) throw new Error(`${status} ${JSON.stringify(body)}`);
      return ended(operationId);
    },
  };
};

import type { z } from 'zod';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One call of the HTTP contract. The path is below `/api/v1`, with `:name` for parameters. */
export interface Endpoint {
  readonly method: Method;
  readonly path: `/${string}`;
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Status → what is answered; `binary` for anything that is not JSON. */
  readonly responses: Readonly<Record<number, z.ZodType | 'binary'>>;
  /** Only for the calls that give access: everything else needs the token. */
  readonly anonymous?: true;
  /** A file that a browser saves: a page can set no header for that, so a ticket in the address opens it too (`ticket`). */
  readonly download?: true;
}

/** Keeps the literal types of a definition, so that the server's handler and the web's call are typed by it. */
export const endpoint = <const Definition extends Endpoint>(definition: Definition): Definition => definition;

type Parsed<Schema, Empty> = Schema extends z.ZodType ? z.output<Schema> : Empty;
type Given<Schema, Empty> = Schema extends z.ZodType ? z.input<Schema> : Empty;

/** What a handler gets, after validation. */
export interface EndpointRequest<E extends Endpoint> {
  params: Parsed<E['params'], undefined>;
  query: Parsed<E['query'], undefined>;
  body: Parsed<E['body'], undefined>;
}
/** What a caller gives, before defaults. */
export interface EndpointInput<E extends Endpoint> {
  params: Given<E['params'], undefined>;
  query: Given<E['query'], undefined>;
  body: Given<E['body'], undefined>;
}
type JsonOf<Response> = Response extends z.ZodType ? z.output<Response> : never;
/** What a caller is answered, whatever the (successful) status. */
export type EndpointAnswer<E extends Endpoint> = {
  [Status in keyof E['responses']]: JsonOf<E['responses'][Status]>;
}[keyof E['responses']];

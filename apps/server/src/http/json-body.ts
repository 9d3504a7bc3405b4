import type { FastifyInstance } from 'fastify';
import { AppError } from '../app-error.ts';

const deepest = 32;
const poisonous: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const refuse = (detail: string): never => {
  throw new AppError('invalid-request', detail);
};

/** A string, or one of the characters that give JSON its shape. Numbers and literals are of no interest here. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/**
 * What `JSON.parse` accepts and we do not: a key given twice (which of them would count?), keys that reach into
 * prototypes, absurd depth. `text` is known to be well-formed JSON.
 */
const checkShape = (text: string): void => {
  /** The keys seen so far of each open object; null for an open array. */
  const open: Array<Set<string> | null> = [];
  let string: string | null = null;
  for (const [found] of text.matchAll(token)) {
    if (found === '{' || found === '[') {
      open.push(found === '{' ? new Set() : null);
      if (open.length > deepest) refuse(`The body is nested deeper than ${deepest} levels.`);
    } else if (found === '}' || found === ']') open.pop();
    else if (found === ':') {
      const key = JSON.parse(string ?? '""') as string;
      const keys = open.at(-1);
      if (poisonous.has(key)) refuse(`The body must not have a key "${key}".`);
      if (keys?.has(key)) refuse(`The body has the key "${key.slice(0, 100)}" twice.`);
      keys?.add(key);
    }
    string = found.startsWith('"') ? found : null;
  }
};

export const parseJsonBody = (text: string): unknown => {
  // Clients often name the type also where there is no body; the endpoint's schema says whether one is needed.
  if (text.trim() === '') return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    refuse('The body is not JSON.');
  }
  checkShape(text);
  return body;
};

/** JSON and nothing else: a form or plain text can be sent by any page without the browser asking (SEC-07). */
export const registerJsonBody = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, text: string | Buffer) => parseJsonBody(text.toString()),
  );
};

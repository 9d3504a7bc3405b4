import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerUnknown } from './errors.ts';

const year = 31_536_000;

/** Vite puts a hash of the contents into these names: what has such a name never changes. */
const isHashed = (path: string): boolean => /[\\/]assets[\\/]/.test(path);

/** An address of the page's own router: not of the API, not a file. */
const isPageAddress = (request: FastifyRequest): boolean => {
  const path = request.url.split('?', 1)[0] ?? '';
  const last = path.split('/').at(-1) ?? '';
  return request.method === 'GET' && path !== '/api' && !path.startsWith('/api/') && !last.includes('.');
};

/**
 * The web app's files, to everyone: they hold no data. Every address that is nothing else is the page, whose
 * router takes it from there. Without a built web app only the API answers.
 */
export const registerStaticWeb = async (
  app: FastifyInstance,
  webRoot: string | null,
  methodsOf: (path: string) => string[],
): Promise<void> => {
  const served = webRoot !== null && existsSync(join(webRoot, 'index.html'));
  if (served)
    await app.register(async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, anonymous: true };
        route.schema = { ...route.schema, hide: true };
      });
      await scope.register(fastifyStatic, {
        root: webRoot,
        wildcard: false,
        dotfiles: 'ignore',
        cacheControl: false,
        setHeaders: (reply, path) => {
          reply.header('cache-control', isHashed(path) ? `public, max-age=${year}, immutable` : 'no-cache');
        },
      });
    });

  app.setNotFoundHandler(async (request: FastifyRequest, reply: FastifyReply) => {
    if (!served || !isPageAddress(request)) return answerUnknown(request, reply, methodsOf);
    const page = await readFile(join(webRoot, 'index.html'));
    return reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page);
  });
};

import type { Readable } from 'node:stream';
import { endpoints, insideFileType } from '@strata/contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../app-error.ts';
import { bind } from '../../http/bind.ts';
import type { InsideService } from './inside.service.ts';
import {
  listEntries,
  makeFolder,
  preview,
  putFile,
  removeEntry,
  savedFile,
  savedFolder,
} from './inside-files.ts';

/** Where it ends has to be known before: half a file must not be taken for a whole one. */
const lengthOf = ({ headers }: FastifyRequest): number => {
  const length = Number(headers['content-length']);
  if (headers['content-type'] !== insideFileType)
    throw new AppError('unsupported-media-type', `Send the file itself, as ${insideFileType}.`);
  if (headers['content-length'] === undefined || !Number.isSafeInteger(length) || length < 0)
    throw new AppError('invalid-request', 'Send the file with its Content-Length.');
  return length;
};

export const insideRoutes = (app: FastifyInstance, inside: InsideService): void => {
  bind(app, endpoints.lookInside, ({ params, body }) =>
    inside.open(params.id, { writable: body?.writable ?? false, tag: body?.tag }),
  );
  bind(app, endpoints.listInside, () => {
    const items = inside.list();
    return { items, total: items.length };
  });
  bind(app, endpoints.getInside, ({ params }) => inside.session(params.sid).view());
  bind(app, endpoints.closeInside, async ({ params }) => {
    await inside.end(params.sid);
    return { ok: true as const };
  });
  bind(app, endpoints.listInsideEntries, ({ params, query }) =>
    listEntries(inside.session(params.sid), query),
  );
  bind(app, endpoints.previewInside, ({ params, query }) => preview(inside.session(params.sid), query));
  bind(app, endpoints.downloadInsideFile, ({ params, query }) =>
    savedFile(inside.session(params.sid), query),
  );
  bind(app, endpoints.downloadInsideFolder, ({ params, query }) =>
    savedFolder(inside.session(params.sid), query),
  );
  bind(app, endpoints.createInsideFolder, ({ params, body }) => makeFolder(inside.session(params.sid), body));
  bind(app, endpoints.deleteInsideEntry, async ({ params, query }) => {
    await removeEntry(inside.session(params.sid), query);
    return { ok: true as const };
  });

  // Of its own scope: no other address of this kind takes a body that is not JSON.
  app.register(async (scope) => {
    scope.addContentTypeParser(insideFileType, (_request, payload, done) => done(null, payload));
    bind(scope, endpoints.putInsideFile, ({ params, query, body }, { request }) =>
      putFile(inside.session(params.sid), query, body as Readable, lengthOf(request)),
    );
  });
};

import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { type DailyBackups, keepDailyBackups } from './db/daily-backups.ts';
import type { Db } from './db/open-database.ts';
import { openStore } from './db/open-store.ts';
import { eventsRoutes } from './features/events/events.routes.ts';
import { createEventsService, type EventsService } from './features/events/events.service.ts';
import { loadToken } from './http/access-token.ts';
import { createFailureBrake } from './http/failure-brake.ts';
import { openApiRoutes } from './http/openapi.ts';
import { createHttpServer, type HttpLimits, httpLimits } from './http/server.ts';
import { accessRoutes, createStartCodes, type StartCodes } from './http/sessions.ts';
import { registerStaticWeb } from './http/static-web.ts';
import { createTickets } from './http/tickets.ts';

/** What every feature stands on: the store, the events and the guarded HTTP server. */
export interface Base {
  readonly config: Config;
  readonly app: FastifyInstance;
  readonly db: Db;
  readonly events: EventsService;
  readonly token: string;
  readonly startCodes: StartCodes;
  readonly backups: DailyBackups;
  /** Stops answering; then the store is closed. Services that still write must have ended before. */
  close(): Promise<void>;
}

export const createBase = async (config: Config, limits: HttpLimits = httpLimits): Promise<Base> => {
  const token = config.token ?? loadToken(config.dataDir);
  const db = openStore(config.dataDir);
  const events = createEventsService();
  const startCodes = createStartCodes();
  const tickets = createTickets();
  const brake = createFailureBrake();

  const { app, methodsOf } = await createHttpServer(config, { token, tickets, brake }, limits);
  app.get('/healthz', { config: { anonymous: true }, schema: { hide: true } }, () => ({ status: 'ok' }));
  const backups = keepDailyBackups(db, join(config.dataDir, 'backups'), (error) => {
    if (error !== null) app.log.error({ err: error }, 'The daily copy of the database could not be made.');
    events.publish({ type: 'host', id: 'host', change: 'updated' });
  });
  accessRoutes(app, { token, startCodes, tickets, brake });
  eventsRoutes(app, events);
  await openApiRoutes(app);
  await registerStaticWeb(app, config.webRoot, methodsOf);

  return {
    config,
    app,
    db,
    events,
    token,
    startCodes,
    backups,
    close: async () => {
      events.close();
      await app.close();
      await backups.stop();
      db.close();
    },
  };
};

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';

const description = `Everything the web app does, a script can do. Send the access token as \`Authorization: Bearer TOKEN\`.
Errors are problem+json (RFC 9457) with a stable \`code\`. Long work answers 202 with an operation;
\`?wait=SECONDS\` holds the answer until it has ended. WebSockets: \`/api/v1/events\`, \`/api/v1/vms/:id/console\`,
\`/api/v1/vms/:id/serial/:n\`.`;

/** Before any route, so that it sees them all. */
export const registerOpenApi = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Strata', version, description },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
};

/**
 * The API's description, in JSON and to browse. Open to everyone who passes the guard: a browser cannot send
 * the token when it opens a page, and the description says nothing about this host or its VMs.
 */
export const openApiRoutes = async (app: FastifyInstance): Promise<void> => {
  app.get('/api/openapi.json', { config: { anonymous: true }, schema: { hide: true } }, () => app.swagger());
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, anonymous: true };
      route.schema = { ...route.schema, hide: true };
    });
    await scope.register(swaggerUi, { routePrefix: '/api/docs', staticCSP: false });
  });
};

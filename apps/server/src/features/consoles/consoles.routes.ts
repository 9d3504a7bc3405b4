import { id } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bindSocket } from '../../http/websocket.ts';
import type { ConsolesService } from './consoles.service.ts';

const vmParams = z.strictObject({ id });
const portParams = z.strictObject({
  id,
  n: z.string().regex(/^[0-3]$/, 'is not the number of a serial port'),
});

/** Keystrokes and the mouse; a paste of more is refused by closing (1009). */
const largestMessage = 1024 ** 2;

export const consolesRoutes = (app: FastifyInstance, consoles: ConsolesService): void => {
  bindSocket(
    app,
    {
      path: '/vms/:id/console',
      purpose: 'console',
      params: vmParams,
      largestMessage,
      check: (params) => consoles.checkScreen(params.id),
    },
    (socket, params) => consoles.showScreen(socket, params.id),
  );
  bindSocket(
    app,
    {
      path: '/vms/:id/serial/:n',
      purpose: 'serial',
      params: portParams,
      largestMessage,
      check: (params) => consoles.checkSerial(params.id, Number(params.n)),
    },
    (socket, params) => consoles.showSerial(socket, params.id, Number(params.n)),
  );
};

import { type ErrorCode, endpoints, errorCodes } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../app-error.ts';
import { bind } from '../../http/bind.ts';
import type { ImagesService } from '../images/images.types.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { ImportsService } from './imports.types.ts';

const isErrorCode = (code: string): code is ErrorCode => code in errorCodes;

export const importsRoutes = (
  app: FastifyInstance,
  imports: ImportsService,
  images: Pick<ImagesService, 'get' | 'register'>,
  operations: OperationsService,
): void => {
  bind(app, endpoints.takeInImage, async ({ body, query }) =>
    operationAnswer(operations, await imports.takeIn(body), query.wait),
  );
  /** The same, answered with the image: nothing to be told meanwhile. */
  bind(app, endpoints.importImage, async ({ body }) => {
    if (body.mode === 'register') return images.register(body);
    const { id } = await imports.takeIn(body);
    const { state, error, result } = await operations.ended(id);
    if (state === 'done') return images.get(String(result?.imageId));
    const code = error !== undefined && isErrorCode(error.code) ? error.code : 'not-possible';
    throw new AppError(code, error?.message ?? `${body.path} was not taken in (${state}).`);
  });
  bind(app, endpoints.unpackImage, async ({ body, query }) =>
    operationAnswer(operations, await imports.unpack(body), query.wait),
  );
};

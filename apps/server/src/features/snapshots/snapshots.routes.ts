import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../app-error.ts';
import { binary, bind } from '../../http/bind.ts';
import { operationAnswer } from '../operations/operation-answer.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { Comparisons } from './compare/compare.service.ts';
import type { SnapshotDeletions, SnapshotsService } from './snapshots.types.ts';

export interface SnapshotFeature {
  readonly snapshots: SnapshotsService;
  readonly deletions: SnapshotDeletions;
  readonly comparisons: Comparisons;
}

export const snapshotsRoutes = (
  app: FastifyInstance,
  { snapshots, deletions, comparisons }: SnapshotFeature,
  operations: OperationsService,
): void => {
  bind(app, endpoints.listSnapshots, ({ params }) => snapshots.tree(params.id));
  bind(app, endpoints.forecastSnapshot, ({ params }) => snapshots.forecast(params.id));
  bind(app, endpoints.takeSnapshot, async ({ params, body, query }) =>
    operationAnswer(operations, await snapshots.take(params.id, body), query.wait),
  );
  bind(app, endpoints.adoptSnapshot, ({ params, body }) => snapshots.adopt(params.id, body));
  bind(app, endpoints.patchSnapshot, ({ params, body }) =>
    snapshots.patch(params.id, params.sid, {
      ...(body.name === undefined ? {} : { name: body.name }),
      ...(body.description === undefined ? {} : { description: body.description }),
    }),
  );
  bind(app, endpoints.revertSnapshot, async ({ params, body, query }) =>
    body.plan === true
      ? snapshots.planRevert(params.id, params.sid, body)
      : operationAnswer(operations, await snapshots.revert(params.id, params.sid, body), query.wait),
  );
  bind(app, endpoints.deleteSnapshot, async ({ params, query }) => {
    const { mode, fingerprint, useReserve } = query;
    const wish = { snapshots: [params.sid], mode, fingerprint, useReserve };
    return query.plan === true
      ? deletions.plan(params.id, wish)
      : operationAnswer(operations, await deletions.run(params.id, wish), query.wait);
  });
  bind(app, endpoints.compareSnapshots, ({ params, query }) => comparisons.compare(params.id, query));
  bind(app, endpoints.compareSnapshotContents, async ({ params, body, query }) =>
    operationAnswer(operations, await comparisons.compareContents(params.id, body), query.wait),
  );
  bind(app, endpoints.deleteSnapshots, async ({ params, body, query }) =>
    body.plan === true
      ? deletions.plan(params.id, body)
      : operationAnswer(operations, await deletions.run(params.id, body), query.wait),
  );
  bind(app, endpoints.getSnapshotScreenshot, async ({ params }) => {
    const png = await snapshots.screenshot(params.id, params.sid);
    if (png === null) throw new AppError('not-found', 'No picture was kept with this snapshot.');
    return binary('image/png', png);
  });
};

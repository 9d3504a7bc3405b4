import { createHash } from 'node:crypto';
import { endpoints, type Vm } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../app-error.ts';
import { Answer, binary, bind } from '../../http/bind.ts';
import type { VmsFeature } from './vms.types.ts';

const sorts: Readonly<Record<string, (a: Vm, b: Vm) => number>> = {
  name: (a, b) => a.name.localeCompare(b.name),
  createdAt: (a, b) => a.createdAt.localeCompare(b.createdAt),
  state: (a, b) => a.state.localeCompare(b.state),
};

interface Selection {
  readonly q?: string | undefined;
  readonly state?: string | undefined;
  readonly sort?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

const refuse = (path: string, message: string): never => {
  throw new AppError('invalid-request', `${path}: ${message}`, { errors: [{ path, message }] });
};

const inOrder = (vms: Vm[], sort: string): Vm[] => {
  const down = sort.startsWith('-');
  const compare = sorts[down ? sort.slice(1) : sort];
  if (compare === undefined) return refuse('sort', `is not one of ${Object.keys(sorts).join(', ')}`);
  const sorted = vms.toSorted(compare);
  return down ? sorted.reverse() : sorted;
};

/** The part of all VMs that was asked for. The cursor is the place in the list. */
export const selectVms = (
  vms: Vm[],
  { q, state, sort = 'name', limit, cursor }: Selection,
): { items: Vm[]; total: number; nextCursor?: string } => {
  const words = q?.toLowerCase();
  const found = vms.filter(
    (vm) =>
      (state === undefined || vm.state === state) &&
      (words === undefined || `${vm.name}\n${vm.notes}`.toLowerCase().includes(words)),
  );
  const first = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(first) || first < 0) refuse('cursor', 'is not a cursor of this list');
  const end = limit === undefined ? found.length : first + limit;
  return {
    items: inOrder(found, sort).slice(first, end),
    total: found.length,
    ...(end < found.length ? { nextCursor: String(end) } : {}),
  };
};

const noPicture = (vm: Vm): AppError =>
  new AppError(
    'not-found',
    vm.display === 'none'
      ? `The VM "${vm.name}" has no display, so there is no picture of it.`
      : `There is no picture of "${vm.name}" yet: it was never started.`,
  );

export const vmsRoutes = (app: FastifyInstance, vms: VmsFeature): void => {
  bind(app, endpoints.listVms, ({ query }) => selectVms(vms.list(), query));
  bind(app, endpoints.createVm, ({ body }) => vms.create(body));
  bind(app, endpoints.previewVm, ({ body }) => vms.preview(body));
  bind(app, endpoints.createDemoVm, ({ body }) => vms.createDemo(body?.name));
  bind(app, endpoints.getVm, ({ params }) => {
    vms.agents.freshen(params.id);
    return vms.get(params.id);
  });
  bind(app, endpoints.patchVm, ({ params, body }) => vms.patch(params.id, body));
  bind(app, endpoints.deleteVm, async ({ params, query }) => {
    if (query.plan === true) return vms.planDeletion(params.id, query.disks);
    await vms.delete(params.id, query.disks);
    return { ok: true } as const;
  });

  bind(app, endpoints.startVm, ({ params, body }) =>
    vms.start(params.id, {
      ...(body?.bootOnce === undefined ? {} : { bootOnce: body.bootOnce }),
      ...(body?.paused === undefined ? {} : { paused: body.paused }),
    }),
  );
  bind(app, endpoints.shutdownVm, ({ params, body }) => vms.shutdown(params.id, body?.timeoutSeconds));
  bind(app, endpoints.poweroffVm, ({ params }) => vms.poweroff(params.id));
  bind(app, endpoints.resetVm, ({ params }) => vms.reset(params.id));
  bind(app, endpoints.pauseVm, ({ params }) => vms.pause(params.id));
  bind(app, endpoints.forgetMemory, ({ params }) => vms.forgetMemory(params.id));
  bind(app, endpoints.resumeVm, ({ params }) => vms.resume(params.id));

  bind(app, endpoints.sendKeys, async ({ params, body }) => {
    await vms.keys(params.id, body.keys, body.holdMilliseconds);
    return { ok: true } as const;
  });
  bind(app, endpoints.getCommand, ({ params }) => vms.commandLine(params.id));
  bind(app, endpoints.getLog, ({ params }) => vms.log(params.id));
  bind(app, endpoints.putMedia, ({ params, body }) =>
    vms.insertMedium(params.id, params.slot, body.imageId, body.force ?? false),
  );
  bind(app, endpoints.deleteMedia, ({ params }) => vms.insertMedium(params.id, params.slot, null, false));

  bind(app, endpoints.getScreenshot, async ({ params }, { request, reply }) => {
    const picture = await vms.screenshot(params.id);
    if (picture === null) throw noPicture(vms.get(params.id));
    const tag = `"${createHash('sha256').update(picture).digest('base64url').slice(0, 24)}"`;
    // A thumbnail that has not changed costs no bytes.
    void reply.header('etag', tag).header('cache-control', 'no-cache');
    if (request.headers['if-none-match'] === tag) return new Answer(304, undefined as never);
    return binary('image/png', picture);
  });
};

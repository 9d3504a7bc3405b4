import { endpoints } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { bind } from '../../http/bind.ts';
import { browseHost } from './browse-host.ts';
import type { ImagesFeature } from './images.service.ts';

const all = <Item>(items: Item[]): { items: Item[]; total: number } => ({ items, total: items.length });
const ok = { ok: true } as const;

export const imagesRoutes = (
  app: FastifyInstance,
  { images, folders, trash, trashKeeper }: ImagesFeature,
  config: { readonly dataDir: string },
): void => {
  bind(app, endpoints.listImages, ({ query }) => images.page(query));
  bind(app, endpoints.createImage, ({ body }) => images.create(body));
  bind(app, endpoints.getImage, ({ params }) => images.get(params.id));
  bind(app, endpoints.patchImage, ({ params, body }) => images.rename(params.id, body.name));
  bind(app, endpoints.deleteImage, async ({ params }) => {
    await images.delete(params.id);
    return ok;
  });
  bind(app, endpoints.getImageChain, ({ params }) => images.chain(params.id));
  bind(app, endpoints.getImageMap, ({ params, query }) => images.map(params.id, query));
  bind(app, endpoints.getForest, () => {
    const known = images.list();
    const { complete } = images.forest();
    const edges = known.flatMap(({ id, backingId }) =>
      backingId === null ? [] : [{ from: id, to: backingId }],
    );
    return { images: known, edges, complete };
  });

  bind(app, endpoints.listFolders, () => all(folders.list()));
  bind(app, endpoints.createFolder, ({ body }) => folders.add(body.path));
  bind(app, endpoints.deleteFolder, async ({ params }) => {
    await folders.remove(params.id);
    return ok;
  });
  bind(app, endpoints.rescan, async () => {
    await images.scan();
    return images.page({});
  });
  bind(app, endpoints.browseHost, ({ query }) => browseHost(config.dataDir, query.path));

  bind(app, endpoints.listTrash, () => all(trash.list()));
  bind(app, endpoints.restoreTrash, async ({ params, body }) =>
    images.get(await trash.restore(params.id, body)),
  );
  bind(app, endpoints.emptyTrash, ({ body }) => trash.empty(body));
  bind(app, endpoints.getTrashSettings, () => trashKeeper.settings());
  bind(app, endpoints.putTrashSettings, ({ body }) => trashKeeper.set(body));
  bind(app, endpoints.deleteTrash, async ({ params }) => {
    await trash.deleteForGood(params.id);
    return ok;
  });
};

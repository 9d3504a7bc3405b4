import { rmSync } from 'node:fs';
import type { Config } from '../config.ts';
import { consolesRoutes } from '../features/consoles/consoles.routes.ts';
import { createConsolesService } from '../features/consoles/consoles.service.ts';
import { imagesRoutes } from '../features/images/images.routes.ts';
import { createImagesFeature, type ImagesFeature } from '../features/images/images.service.ts';
import { vmsRoutes } from '../features/vms/vms.routes.ts';
import { createVmsService } from '../features/vms/vms.service.ts';
import type { VmsFeature } from '../features/vms/vms.types.ts';
import { createCapabilities } from '../qemu/capabilities.ts';
import { startTestServer, type TestServer } from './test-app.ts';

export interface VmServer {
  readonly server: TestServer;
  readonly vms: VmsFeature;
  readonly images: ImagesFeature;
  /** Ends the server and leaves its VMs running, as a crash would. */
  abandon(): Promise<void>;
  /** Powers off every VM, ends the server, removes its folders. */
  stop(): Promise<void>;
}

/** A real server with images, VMs and consoles on real QEMU. `on`: the folders of a server that was abandoned. */
export const startVmServer = async (on?: Pick<Config, 'dataDir' | 'runDir'>): Promise<VmServer> => {
  let parts: { vms: VmsFeature; images: ImagesFeature } | null = null;
  let closeParts = async (): Promise<void> => {};
  const server = await startTestServer({
    ...(on === undefined ? {} : { config: on }),
    routes: async (app, { config, db, events }) => {
      const images = createImagesFeature({ config, db, events });
      const vms = createVmsService({
        config,
        db,
        events,
        images: images.images,
        capabilities: createCapabilities(),
      });
      const consoles = createConsolesService(vms);
      imagesRoutes(app, images, config);
      vmsRoutes(app, vms);
      consolesRoutes(app, consoles);
      await images.start();
      await vms.adopt((_, error) => {
        throw error;
      });
      parts = { vms, images };
      closeParts = async () => {
        consoles.close();
        vms.close();
        await images.close();
      };
    },
  });
  if (parts === null) throw new Error('the routes were not registered');
  const { vms, images } = parts as { vms: VmsFeature; images: ImagesFeature };
  return {
    server,
    vms,
    images,
    abandon: async () => {
      await closeParts();
      await server.close();
      // A server on another's folders never used the ones that were made for it.
      if (on !== undefined) rmSync(server.dataDir, { recursive: true, force: true });
    },
    stop: async () => {
      for (const vm of vms.list()) if (vms.isLive(vm.id)) await vms.poweroff(vm.id);
      await closeParts();
      await server.stop();
      rmSync(server.config.dataDir, { recursive: true, force: true });
    },
  };
};

import type { AddressInfo } from 'node:net';
import { createVmBody } from '@strata/contract';
import { buildApp, type StrataApp } from '../app.ts';
import type { Config } from '../config.ts';
import { type GuestConsole, guestOnWebSocket } from './guest-console.ts';
import { buildLinuxGuest } from './linux-guest.ts';
import { openSocket, upgradeStatus } from './socket-client.ts';
import { testDataDir } from './test-app.ts';

/** The whole server with a real Linux in a VM on empty disks, `/dev/vda` and so on. */
export interface LinuxVm {
  /** The server that runs now. */
  readonly strata: StrataApp;
  readonly dataDir: string;
  readonly vmId: string;
  /**
   * The guest's serial line, when it has come up for the so manieth time: the line is replayed from the first boot on.
   * Also of another VM, which this server has made of it.
   */
  connect(boots: number, vmId?: string): Promise<GuestConsole>;
  /** Another server on the same data, after the end of the one before; the VM runs on. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const startLinuxVm = async (
  diskSize: string | readonly string[],
  agent: string | null = null,
): Promise<LinuxVm> => {
  const folders = testDataDir();
  const { dataDir, runDir } = folders;
  const config: Config = {
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir, runDir, open: false },
    ...{ token: 'test-token-test-token-test-token-test', webRoot: null, logLevel: 'silent' },
  };
  const serve = async (): Promise<StrataApp> => {
    const app = await buildApp(config);
    await app.app.listen({ host: '127.0.0.1', port: 0 });
    return app;
  };
  let strata = await serve();
  const { kernel, initrd, append } = await buildLinuxGuest(agent);
  const definition = createVmBody.parse({
    name: 'writer',
    memory: '256M',
    accelerator: 'tcg',
    display: 'none',
    nics: [],
    kernel: { path: kernel, initrd, append },
    disks: [diskSize].flat().map((size) => ({ create: { format: 'qcow2', size } })),
  });
  const vmId = (await strata.services.vms.create(definition)).id;
  await strata.services.vms.start(vmId);
  let guest: GuestConsole | null = null;
  return {
    get strata() {
      return strata;
    },
    dataDir,
    vmId,
    connect: async (boots, of = vmId) => {
      const { port } = strata.app.server.address() as AddressInfo;
      const request = () => Promise.reject(new Error('not used'));
      const socket = openSocket({ port, token: strata.token, request }, `/vms/${of}/serial/0`);
      guest = guestOnWebSocket(socket);
      if ((await upgradeStatus(socket)) !== 101) throw new Error('the serial line was refused');
      await guest.expect(new RegExp(`(READY\\r?\\n[\\s\\S]*){${boots}}`));
      return guest;
    },
    restart: async () => {
      guest?.close();
      guest = null;
      await strata.close();
      strata = await serve();
    },
    stop: async () => {
      guest?.close();
      if (strata.services.vms.isLive(vmId)) await strata.services.vms.poweroff(vmId);
      await strata.close();
      folders.remove();
    },
  };
};

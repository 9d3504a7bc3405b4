import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device, Image, Operation } from '@strata/contract';
import { buildApp, type StrataApp } from '../../../app.ts';
import { testDataDir } from '../../../testing/test-app.ts';
import { attachLoop, type LoopDevice } from './loop-device.ts';

export const mebi = 1024 ** 2;

export interface DeviceBench {
  readonly strata: StrataApp;
  readonly scratch: string;
  readonly images: string;
  call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever is answered, and fails where it is not so.
  ): Promise<{ readonly status: number; readonly body: any }>;
  /** A file of so many bytes that look like nothing. */
  noise(name: string, bytes: number): string;
  loop(file: string, ...options: string[]): LoopDevice;
  deviceAt(loop: LoopDevice): Promise<Device>;
  ended(operation: Operation): Promise<Operation>;
  image(operation: Operation): Image;
  /** A raw image of the library with such bytes. */
  addImage(name: string, bytes: number): Promise<Image>;
  stop(): Promise<void>;
}

const headers = { host: '127.0.0.1', authorization: 'Bearer test-token' };

/** The whole server, and loop devices that go with it. */
export const startDeviceBench = async (deviceWriteLimit?: number): Promise<DeviceBench> => {
  const folder = testDataDir();
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-devices-')));
  const strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, ...folder },
    ...{ open: false, token: 'test-token', webRoot: null, logLevel: 'silent' },
    ...(deviceWriteLimit === undefined ? {} : { deviceWriteLimit }),
  });
  const { library, operations, devices } = strata.services;
  const loops: LoopDevice[] = [];
  const images = join(folder.dataDir, 'images');
  const noiseAt = (path: string, bytes: number): string => {
    execFileSync('sh', ['-ec', 'head -c "$1" /dev/urandom > "$2"', 'sh', String(bytes), path]);
    return path;
  };
  return {
    ...{ strata, scratch, images },
    call: async (method, path, body) => {
      const answer = await strata.app.inject({
        ...{ method, url: `/api/v1${path}`, headers },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      return { status: answer.statusCode, body: JSON.parse(answer.body) };
    },
    noise: (name, bytes) => noiseAt(join(scratch, name), bytes),
    loop: (file, ...options) => {
      const loop = attachLoop(file, ...options);
      loops.push(loop);
      return loop;
    },
    deviceAt: async ({ path }) => {
      const found = (await devices.list()).items.find((each) => each.path === path);
      if (found === undefined) throw new Error(`${path} is not listed`);
      return found;
    },
    ended: ({ id }) => operations.ended(id),
    image: ({ result }) => library.images.get(String(result?.imageId)),
    addImage: async (name, bytes) => {
      const path = noiseAt(join(images, `${name}.raw`), bytes);
      await library.images.scan();
      return library.images.get(library.images.findByPath(path)?.id ?? '');
    },
    stop: async () => {
      await strata.close();
      for (const loop of loops) loop.detach();
      folder.remove();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
};

export const emptyFile = (path: string, bytes: number): string => {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
};

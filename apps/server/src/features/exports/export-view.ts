import type { ExportClient, ImageExport } from '@strata/contract';
import { exportPlaces, loopback } from '../../qemu/exports/export-daemon.ts';
import { exportCommands, exportUri } from './export-commands.ts';
import type { ExportRecord } from './exports.repository.ts';

export const exportView = (
  runDir: string,
  record: ExportRecord,
  imageName: string,
  clients: readonly ExportClient[],
): ImageExport => {
  const { id, imageId, name, size, pinned, startedAt, plan } = record;
  const places = exportPlaces(runDir, plan);
  const { kind, port, tls, writable, exportName } = plan;
  return {
    ...{ id, imageId, imageName, name, kind, exportName, size, writable, tls, pinned, startedAt },
    uri: exportUri(plan, places),
    ...(kind === 'nbd' && port === null ? { socket: places.socket } : {}),
    ...(port === null ? {} : { address: { host: loopback, port } }),
    ...(tls ? { credentials: places.clientKeys } : {}),
    ...(kind === 'fuse' ? { mountpoint: places.mountpoint } : {}),
    clients: [...clients],
    commands: exportCommands(record, places),
  };
};

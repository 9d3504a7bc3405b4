import { type Compare, endpoints, type Image, type ImageMapQuery, insideEndpoints } from '@strata/contract';
import { queryOptions } from '@tanstack/react-query';
import { call } from './call.ts';

/** First part of every query key: what a live event names, so that one event finds all that it touches. */
export const keys = {
  host: ['host'] as const,
  vms: ['vms'] as const,
  vm: (id: string) => ['vms', 'one', id] as const,
  vmCommand: (id: string) => ['vms', 'command', id] as const,
  vmDeletion: (id: string, disks: string) => ['vms', 'deletion', id, disks] as const,
  vmLog: (id: string) => ['vms', 'log', id] as const,
  images: ['images'] as const,
  image: (id: string) => ['images', 'one', id] as const,
  imageChain: (id: string) => ['images', 'chain', id] as const,
  imageMap: (id: string, wish: ImageMapWish) => ['images', 'map', id, wish] as const,
  imageContents: (id: string) => ['images', 'contents', id] as const,
  imageRepair: (id: string, folder: string | null) => ['images', 'repair', id, folder] as const,
  forest: ['images', 'forest'] as const,
  folders: ['folders'] as const,
  trash: ['trash'] as const,
  trashSettings: ['trash', 'settings'] as const,
  exports: ['exports'] as const,
  inside: ['inside'] as const,
  insideSession: (sid: string) => ['inside', 'one', sid] as const,
  downloads: ['downloads'] as const,
  uploads: ['uploads'] as const,
  usage: ['usage'] as const,
  freeable: ['usage', 'freeable'] as const,
  upload: (id: string) => ['uploads', 'one', id] as const,
  snapshots: (vmId: string) => ['snapshots', vmId] as const,
  snapshotForecast: (vmId: string) => ['snapshot-forecast', vmId] as const,
  screenshots: (vmId: string) => ['screenshots', vmId] as const,
  /** The last picture after a stop is another one than the last seen while it ran. */
  screenshot: (vmId: string, live: boolean) => ['screenshots', vmId, live] as const,
  operations: ['operations'] as const,
  operation: (id: string) => ['operations', 'one', id] as const,
};

const longList = { limit: 1000 };

export const hostQuery = () =>
  queryOptions({ queryKey: keys.host, queryFn: ({ signal }) => call(endpoints.getHost, { signal }) });

export const vmsQuery = () =>
  queryOptions({
    queryKey: [...keys.vms, 'list'] as const,
    queryFn: ({ signal }) => call(endpoints.listVms, { query: longList, signal }),
  });
export const vmQuery = (id: string) =>
  queryOptions({
    queryKey: keys.vm(id),
    queryFn: ({ signal }) => call(endpoints.getVm, { params: { id }, signal }),
  });
export const vmCommandQuery = (id: string) =>
  queryOptions({
    queryKey: keys.vmCommand(id),
    queryFn: ({ signal }) => call(endpoints.getCommand, { params: { id }, signal }),
  });
/** What deleting it would take away. */
export const vmDeletionQuery = (id: string, disks: 'keep' | 'delete') =>
  queryOptions({
    queryKey: keys.vmDeletion(id, disks),
    queryFn: async ({ signal }) => {
      const answer = await call(endpoints.deleteVm, { params: { id }, query: { disks, plan: '1' }, signal });
      if ('ok' in answer) throw new Error('a plan was asked for');
      return answer;
    },
    staleTime: 0,
  });
export const vmLogQuery = (id: string) =>
  queryOptions({
    queryKey: keys.vmLog(id),
    queryFn: ({ signal }) => call(endpoints.getLog, { params: { id }, signal }),
  });

/** The whole library, however many pages. */
export const imagesQuery = () =>
  queryOptions({
    queryKey: [...keys.images, 'list'] as const,
    queryFn: async ({ signal }) => {
      const items: Image[] = [];
      for (let cursor: string | undefined; ; ) {
        const query = { ...longList, ...(cursor === undefined ? {} : { cursor }) };
        const answer = await call(endpoints.listImages, { query, signal });
        items.push(...answer.items);
        cursor = answer.nextCursor;
        if (cursor === undefined) return { items, total: answer.total };
      }
    },
  });
export const imageQuery = (id: string) =>
  queryOptions({
    queryKey: keys.image(id),
    queryFn: ({ signal }) => call(endpoints.getImage, { params: { id }, signal }),
  });
export const imageChainQuery = (id: string) =>
  queryOptions({
    queryKey: keys.imageChain(id),
    queryFn: ({ signal }) => call(endpoints.getImageChain, { params: { id }, signal }),
  });
export const imageContentsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.imageContents(id),
    queryFn: ({ signal }) => call(endpoints.getImageContents, { params: { id }, signal }),
  });
export type ImageMapWish = Partial<ImageMapQuery>;
export const imageMapQuery = (id: string, wish: ImageMapWish) =>
  queryOptions({
    queryKey: keys.imageMap(id, wish),
    queryFn: ({ signal }) =>
      call(endpoints.getImageMap, {
        params: { id },
        query: wish,
        signal,
      }),
  });
/** A look at a moving world: asked anew each time it is opened. */
export const imageRepairQuery = (id: string, folder: string | null) =>
  queryOptions({
    queryKey: keys.imageRepair(id, folder),
    queryFn: ({ signal }) =>
      call(endpoints.getImageRepair, {
        params: { id },
        query: folder === null ? {} : { folder },
        signal,
      }),
    staleTime: 0,
    gcTime: 0,
  });
export const forestQuery = () =>
  queryOptions({ queryKey: keys.forest, queryFn: ({ signal }) => call(endpoints.getForest, { signal }) });

export const foldersQuery = () =>
  queryOptions({ queryKey: keys.folders, queryFn: ({ signal }) => call(endpoints.listFolders, { signal }) });
export const trashQuery = () =>
  queryOptions({ queryKey: keys.trash, queryFn: ({ signal }) => call(endpoints.listTrash, { signal }) });

export const trashSettingsQuery = () =>
  queryOptions({
    queryKey: keys.trashSettings,
    queryFn: ({ signal }) => call(endpoints.getTrashSettings, { signal }),
  });

export const usageQuery = () =>
  queryOptions({
    queryKey: [...keys.usage, 'all'] as const,
    queryFn: ({ signal }) => call(endpoints.getUsage, { signal }),
  });
export const freeableQuery = () =>
  queryOptions({ queryKey: keys.freeable, queryFn: ({ signal }) => call(endpoints.getFreeable, { signal }) });

export const uploadsQuery = () =>
  queryOptions({
    queryKey: [...keys.uploads, 'list'] as const,
    queryFn: ({ signal }) => call(endpoints.listUploads, { signal }),
  });

export const exportsQuery = () =>
  queryOptions({
    queryKey: [...keys.exports, 'list'] as const,
    queryFn: ({ signal }) => call(endpoints.listExports, { signal }),
  });

export const insideQuery = () =>
  queryOptions({
    queryKey: [...keys.inside, 'list'] as const,
    queryFn: ({ signal }) => call(insideEndpoints.listInside, { signal }),
  });

export const downloadsQuery = () =>
  queryOptions({
    queryKey: keys.downloads,
    queryFn: ({ signal }) => call(endpoints.listDownloads, { signal }),
  });

export const snapshotsQuery = (vmId: string) =>
  queryOptions({
    queryKey: keys.snapshots(vmId),
    queryFn: ({ signal }) => call(endpoints.listSnapshots, { params: { id: vmId }, signal }),
  });

export const snapshotComparisonQuery = (vmId: string, wish: CompareWish) =>
  queryOptions({
    queryKey: [...keys.snapshots(vmId), 'compare', wish] as const,
    queryFn: ({ signal }) => call(endpoints.compareSnapshots, { params: { id: vmId }, query: wish, signal }),
  });
export type CompareWish = Pick<Compare, 'from' | 'to' | 'disk'>;

export const snapshotScheduleQuery = (vmId: string) =>
  queryOptions({
    queryKey: [...keys.snapshots(vmId), 'schedule'] as const,
    queryFn: ({ signal }) => call(endpoints.getSnapshotSchedule, { params: { id: vmId }, signal }),
  });
/** A look at a moving world: asked anew each time it is opened. */
export const snapshotForecastQuery = (vmId: string) =>
  queryOptions({
    queryKey: keys.snapshotForecast(vmId),
    queryFn: ({ signal }) => call(endpoints.forecastSnapshot, { params: { id: vmId }, signal }),
    staleTime: 0,
    gcTime: 0,
  });

export const operationsQuery = () =>
  queryOptions({
    queryKey: [...keys.operations, 'list'] as const,
    queryFn: ({ signal }) => call(endpoints.listOperations, { query: { limit: 200 }, signal }),
  });
export const operationQuery = (id: string) =>
  queryOptions({
    queryKey: keys.operation(id),
    queryFn: ({ signal }) => call(endpoints.getOperation, { params: { id }, signal }),
  });

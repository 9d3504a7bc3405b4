import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { BrokenPage, UnknownPage } from './features/frame/fallback-pages.tsx';
import { Frame } from './features/frame/frame.tsx';
import { HardwareTab } from './features/hardware/hardware-tab.tsx';
import { LogTab } from './features/log/log-tab.tsx';
import { VmListPage } from './features/vms/vm-list-page.tsx';
import { VmPage } from './features/vms/vm-page.tsx';

/** The index of the UI, a line a page. */

const root = createRootRoute({ component: Frame });

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/vms', replace: true });
  },
});
const vms = createRoute({ getParentRoute: () => root, path: '/vms', component: VmListPage });
const newVm = createRoute({
  getParentRoute: () => root,
  path: '/vms/new',
  // `/vms/new?image=ID` starts from that image.
  validateSearch: (search: Record<string, unknown>): { image?: string } =>
    typeof search.image === 'string' ? { image: search.image } : {},
  component: lazyRouteComponent(() => import('./features/new-vm/new-vm-page.tsx'), 'NewVmPage'),
});

const vm = createRoute({ getParentRoute: () => root, path: '/vms/$vmId', component: VmPage });
const vmStart = createRoute({
  getParentRoute: () => vm,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/vms/$vmId/console', params, replace: true });
  },
});
const vmConsole = createRoute({
  getParentRoute: () => vm,
  path: '/console',
  component: lazyRouteComponent(() => import('./features/consoles/console-tab.tsx'), 'ConsoleTab'),
});
const LayersTab = lazyRouteComponent(() => import('./features/layers/layers-tab.tsx'), 'LayersTab');
const vmLayers = createRoute({
  getParentRoute: () => vm,
  path: '/layers',
  // `?disk=ID&tip=IMAGE` looks at another branch instead of the disk's own chain; `?layer=IMAGE` or `?snapshot=ID`
  // says which layers are meant.
  validateSearch: (
    search: Record<string, unknown>,
  ): { disk?: string; tip?: string; layer?: string; snapshot?: string } => ({
    ...(typeof search.disk === 'string' ? { disk: search.disk } : {}),
    ...(typeof search.tip === 'string' ? { tip: search.tip } : {}),
    ...(typeof search.layer === 'string' ? { layer: search.layer } : {}),
    ...(typeof search.snapshot === 'string' ? { snapshot: search.snapshot } : {}),
  }),
  component: () => <LayersTab vmId={vmLayers.useParams().vmId} />,
});
const SnapshotsTab = lazyRouteComponent(
  () => import('./features/snapshots/snapshots-tab.tsx'),
  'SnapshotsTab',
);
const vmSnapshots = createRoute({
  getParentRoute: () => vm,
  path: '/snapshots',
  // `?snapshot=ID` selects it, `?layer=IMAGE` those that point to the layer.
  validateSearch: (search: Record<string, unknown>): { snapshot?: string; layer?: string } => ({
    ...(typeof search.snapshot === 'string' ? { snapshot: search.snapshot } : {}),
    ...(typeof search.layer === 'string' ? { layer: search.layer } : {}),
  }),
  component: () => <SnapshotsTab vmId={vmSnapshots.useParams().vmId} />,
});
const vmHardware = createRoute({
  getParentRoute: () => vm,
  path: '/hardware',
  component: () => <HardwareTab vmId={vmHardware.useParams().vmId} />,
});
const vmLog = createRoute({
  getParentRoute: () => vm,
  path: '/log',
  component: () => <LogTab vmId={vmLog.useParams().vmId} />,
});

const library = createRoute({
  getParentRoute: () => root,
  path: '/library',
  // `/library?image=ID` shows the details of that image, `?trash=true` what was deleted; `?view=forest` draws all of them.
  validateSearch: (search: Record<string, unknown>): { image?: string; trash?: true; view?: 'forest' } => ({
    ...(typeof search.image === 'string' ? { image: search.image } : {}),
    ...(search.trash === true ? { trash: true } : {}),
    ...(search.view === 'forest' ? { view: 'forest' } : {}),
  }),
  component: lazyRouteComponent(() => import('./features/library/library-page.tsx'), 'LibraryPage'),
});
const ImagePage = lazyRouteComponent(() => import('./features/library/image-page.tsx'), 'ImagePage');
const libraryImage = createRoute({
  getParentRoute: () => root,
  path: '/library/$imageId',
  component: () => <ImagePage imageId={libraryImage.useParams().imageId} />,
});
const space = createRoute({
  getParentRoute: () => root,
  path: '/space',
  component: lazyRouteComponent(() => import('./features/usage/space-page.tsx'), 'SpacePage'),
});
const InsidePage = lazyRouteComponent(() => import('./features/inside/inside-page.tsx'), 'InsidePage');
const libraryInside = createRoute({
  getParentRoute: () => root,
  path: '/library/$imageId/inside',
  // `?tag=NAME` looks into a snapshot inside the file; `?volume=DEVICE&path=PATH` opens a folder of a partition, `raw`
  // where its path is not UTF-8.
  validateSearch: (
    search: Record<string, unknown>,
  ): { tag?: string; volume?: string; path?: string; raw?: string } => ({
    ...(typeof search.tag === 'string' ? { tag: search.tag } : {}),
    ...(typeof search.volume === 'string' ? { volume: search.volume } : {}),
    ...(typeof search.path === 'string' ? { path: search.path } : {}),
    ...(typeof search.raw === 'string' ? { raw: search.raw } : {}),
  }),
  component: () => (
    <InsidePage imageId={libraryInside.useParams().imageId} tag={libraryInside.useSearch().tag ?? null} />
  ),
});
const operations = createRoute({
  getParentRoute: () => root,
  path: '/operations',
  component: lazyRouteComponent(() => import('./features/operations/operations-page.tsx'), 'OperationsPage'),
});
const host = createRoute({
  getParentRoute: () => root,
  path: '/host',
  component: lazyRouteComponent(() => import('./features/host/host-page.tsx'), 'HostPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    start,
    vms,
    newVm,
    vm.addChildren([vmStart, vmConsole, vmLayers, vmSnapshots, vmHardware, vmLog]),
    library,
    libraryImage,
    space,
    libraryInside,
    operations,
    host,
  ]),
  defaultPreload: 'intent',
  defaultNotFoundComponent: UnknownPage,
  defaultErrorComponent: BrokenPage,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

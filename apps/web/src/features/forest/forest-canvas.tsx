import '@xyflow/react/dist/base.css';
import { ReactFlow, useReactFlow, useStore, useStoreApi } from '@xyflow/react';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import classes from './forest.module.css';
import { ForestControls } from './forest-controls.tsx';
import { firstLook, minZoom, viewportOfAll } from './forest-first-look.ts';
import { ForestGround } from './forest-ground.tsx';
import { type ForestLayout, nodeHeight, nodeWidth } from './forest-layout.ts';
import { ForestMinimap } from './forest-minimap.tsx';
import { type DrawnNode, type DrawnTitle, nodeTypes, PictureContext } from './forest-nodes.tsx';
import type { ForestPicture } from './forest-paint.ts';
import { boxOf, drift, placeAt, touches } from './forest-walk.ts';
import { boxOfTiles, detailZoom, tilesInView, viewOf } from './forest-window.ts';

/** A wish to see a node; a new object each time, so that the same node can be wished for again. */
export interface Wish {
  readonly id: string;
  /** Into the middle and large enough to read, or only into view. */
  readonly centre: boolean;
}

export type ZoomKey = 'in' | 'out' | 'fit';

interface ForestCanvasProps {
  picture: ForestPicture;
  wish: Wish | null;
  /** Hands out what the zoom keys do. */
  zoomRef: { current: ((key: ZoomKey) => void) | null };
  onPick: (id: string) => void;
}

const maxZoom = 1.6;
/** Where one looked when the forest was last left, for the way back. */
let lastViewport: { x: number; y: number; zoom: number } | null = null;

/** The picture: React Flow pans and zooms it and draws the nodes in view, a canvas draws the rest. */
export function ForestCanvas({ picture, wish, zoomRef, onPick }: ForestCanvasProps) {
  const { layout } = picture;
  const tiles = useStore(tilesInView);
  const nodes = useMemo(() => nodesIn(layout, tiles), [layout, tiles]);
  const flow = useReactFlow();
  const zoom = useZoom(layout);
  useFirstLook(layout, wish !== null);
  useSteadyView(picture);
  useWish(wish, layout);
  useEffect(() => {
    zoomRef.current = zoom;
  }, [zoom, zoomRef]);
  const far = tiles === 'far';
  return (
    <PictureContext value={picture}>
      <div aria-hidden className={classes.picture}>
        <ForestGround picture={picture} far={far} />
        <ReactFlow<DrawnNode | DrawnTitle>
          nodes={nodes}
          nodeTypes={nodeTypes}
          defaultViewport={lastViewport ?? { x: 0, y: 0, zoom: 0.5 }}
          minZoom={minZoom}
          maxZoom={maxZoom}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          selectionKeyCode={null}
          multiSelectionKeyCode={null}
          proOptions={{ hideAttribution: true }}
          onNodeClick={(_, { type, id }) => {
            if (type !== 'title') onPick(id);
          }}
          onPaneClick={(event) => {
            const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
            const place = far ? placeAt(layout, x, y) : undefined;
            if (place !== undefined) onPick(place.node.id);
          }}
          onMoveEnd={(_, viewport) => {
            lastViewport = viewport;
          }}
        />
        <ForestMinimap picture={picture} />
      </div>
      <ForestControls onZoom={zoom} />
    </PictureContext>
  );
}

function nodesIn(layout: ForestLayout, tiles: string): (DrawnNode | DrawnTitle)[] {
  const box = boxOfTiles(tiles);
  if (box === null) return [];
  const titles = layout.titles.map((title): DrawnTitle => {
    const size = { width: nodeWidth, height: 30 };
    return {
      id: `title:${title.grove}`,
      type: 'title',
      position: { x: title.x, y: title.y },
      data: { title },
      ...size,
    };
  });
  const nodes: DrawnNode[] = [];
  for (const place of layout.places.values()) {
    if (!touches(boxOf(place), box)) continue;
    const { node, x, y } = place;
    const size = { width: nodeWidth, height: nodeHeight };
    nodes.push({ id: node.id, type: node.subject.kind, position: { x, y }, data: { node }, ...size });
  }
  return [...titles, ...nodes];
}

const gently = () => ({ duration: window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200 });

function useZoom(layout: ForestLayout) {
  const flow = useReactFlow();
  const store = useStoreApi();
  const layoutRef = useRef(layout);
  layoutRef.current = layout;
  return useCallback(
    (key: ZoomKey) => {
      if (key === 'in') return void flow.zoomIn(gently());
      if (key === 'out') return void flow.zoomOut(gently());
      const { width, height } = store.getState();
      void flow.setViewport(viewportOfAll(layoutRef.current, width, height), gently());
    },
    [flow, store],
  );
}

/** Where to begin reading; the place one left, when one comes back. */
function useFirstLook(layout: ForestLayout, isAwaited: boolean): void {
  const isMeasured = useStore(({ width, height, panZoom }) => width > 0 && height > 0 && panZoom !== null);
  const flow = useReactFlow();
  const store = useStoreApi();
  const done = useRef(lastViewport !== null || isAwaited);
  useEffect(() => {
    if (!isMeasured || done.current) return;
    done.current = true;
    const { width, height } = store.getState();
    void flow.setViewport(firstLook(layout, width, height));
  }, [isMeasured, layout, flow, store]);
}

/** When the layout changes, what one looks at stays where it is on the screen. */
function useSteadyView({ layout, current }: ForestPicture): void {
  const store = useStoreApi();
  const flow = useReactFlow();
  const before = useRef(layout);
  useLayoutEffect(() => {
    const { transform, width, height } = store.getState();
    const [x, y, zoom] = transform;
    const moved = drift(before.current, layout, viewOf(transform, width, height), current);
    before.current = layout;
    if (moved.x === 0 && moved.y === 0) return;
    void flow.setViewport({ x: x - moved.x * zoom, y: y - moved.y * zoom, zoom });
  }, [layout, current, store, flow]);
}

function useWish(wish: Wish | null, layout: ForestLayout): void {
  const flow = useReactFlow();
  const store = useStoreApi();
  const layoutRef = useRef(layout);
  layoutRef.current = layout;
  useEffect(() => {
    const place = layoutRef.current.places.get(wish?.id ?? '');
    if (wish === null || place === undefined) return;
    const { transform, width, height } = store.getState();
    const view = viewOf(transform, width, height);
    const box = boxOf(place);
    const isInView =
      box.x >= view.x &&
      box.y >= view.y &&
      box.x + box.width <= view.x + view.width &&
      box.y + box.height <= view.y + view.height;
    if (isInView && !wish.centre) return;
    const zoom = wish.centre ? Math.max(transform[2], detailZoom * 2) : transform[2];
    void flow.setCenter(place.x + nodeWidth / 2, place.y + nodeHeight / 2, { zoom, ...gently() });
  }, [wish, flow, store]);
}

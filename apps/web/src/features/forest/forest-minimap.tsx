import { useReactFlow, useStoreApi } from '@xyflow/react';
import { type PointerEvent, useEffect, useRef } from 'react';
import classes from './forest.module.css';
import type { ForestLayout } from './forest-layout.ts';
import { type ForestPicture, paintBlocks, readTokens } from './forest-paint.ts';
import { viewOf } from './forest-window.ts';

const most = { width: 180, height: 130 };
const margin = 40;

/** All of the forest in a corner with a frame around what is in view; painted anew only when the forest changes. */
export function ForestMinimap({ picture }: { picture: ForestPicture }) {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const frameRef = useRef<HTMLDivElement>(null);
  const store = useStoreApi();
  const flow = useReactFlow();
  const { scale, width, height } = sizeOf(picture.layout);
  useEffect(() => paint(canvasRef.current, picture), [picture]);
  useEffect(() => {
    const frame = () => {
      const state = store.getState();
      const view = viewOf(state.transform, state.width, state.height);
      const style = frameRef.current?.style;
      if (style === undefined) return;
      style.transform = `translate(${(view.x + margin) * scale}px, ${(view.y + margin) * scale}px)`;
      style.width = `${view.width * scale}px`;
      style.height = `${view.height * scale}px`;
    };
    frame();
    return store.subscribe(frame);
  }, [scale, store]);
  const go = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1) return;
    const corner = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - corner.x) / scale - margin;
    const y = (event.clientY - corner.y) / scale - margin;
    void flow.setCenter(x, y, { zoom: flow.getZoom() });
  };
  return (
    <div
      className={classes.minimap}
      style={{ width, height }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={go}
    >
      <canvas ref={canvasRef} />
      <div ref={frameRef} className={classes.minimapView} />
    </div>
  );
}

function sizeOf(layout: ForestLayout): { scale: number; width: number; height: number } {
  const width = layout.width + 2 * margin;
  const height = layout.height + 2 * margin;
  const scale = Math.min(most.width / width, most.height / height);
  // A forest far wider than high would be a line: the frame around it must stay visible.
  return { scale, width: Math.max(24, width * scale), height: Math.max(24, height * scale) };
}

function paint(canvas: HTMLCanvasElement | null, picture: ForestPicture): void {
  const context = canvas?.getContext('2d');
  if (!canvas || !context) return;
  const { scale, width, height } = sizeOf(picture.layout);
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.setTransform(scale * ratio, 0, 0, scale * ratio, margin * scale * ratio, margin * scale * ratio);
  const everything = {
    x: -margin,
    y: -margin,
    width: picture.layout.width + 2 * margin,
    height: picture.layout.height + 2 * margin,
  };
  paintBlocks(context, picture, readTokens(canvas), everything);
}

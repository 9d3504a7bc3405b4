import { useStoreApi } from '@xyflow/react';
import { useEffect, useRef } from 'react';
import classes from './forest.module.css';
import { type ForestPicture, paintBlocks, paintLines, paintNames, readTokens } from './forest-paint.ts';
import { viewOf } from './forest-window.ts';

/**
 * All lines, and from afar the nodes as well, on a canvas behind React Flow, painted in the same frame as it
 * moves: thousands of them cost what a few elements would.
 */
export function ForestGround({ picture, far }: { picture: ForestPicture; far: boolean }) {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const store = useStoreApi();
  useEffect(() => {
    const canvas = canvasRef.current;
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return;
    const tokens = readTokens(canvas);
    const draw = () => {
      const { transform, width, height } = store.getState();
      const [x, y, zoom] = transform;
      const ratio = window.devicePixelRatio;
      resize(canvas, Math.round(width * ratio), Math.round(height * ratio));
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.setTransform(ratio * zoom, 0, 0, ratio * zoom, ratio * x, ratio * y);
      const view = viewOf(transform, width, height);
      paintLines(context, picture, tokens, view);
      if (!far) return;
      paintBlocks(context, picture, tokens, view);
      paintNames(context, picture, tokens, zoom);
    };
    draw();
    return store.subscribe((state, before) => {
      const moved = state.transform !== before.transform;
      if (moved || state.width !== before.width || state.height !== before.height) draw();
    });
  }, [picture, far, store]);
  return <canvas ref={canvasRef} className={classes.ground} />;
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

import { useEffect, useRef } from 'react';
import classes from './strip.module.css';
import type { Paint } from './strip-paint.ts';

/**
 * A canvas that has exactly as many pixels as the screen shows of it, at any density and zoom, and is painted
 * again only when its size or `paint` changes.
 */
export function StripCanvas({ paint }: { paint: Paint }) {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = canvasRef.current;
    if (canvas === null) return;
    const draw = (width: number, height: number) => {
      const context = canvas.getContext('2d');
      if (context === null || width === 0 || height === 0) return;
      canvas.width = width;
      canvas.height = height;
      paint(context, width, height, window.devicePixelRatio);
    };
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const [device] = entry.devicePixelContentBoxSize ?? [];
      const ratio = window.devicePixelRatio;
      draw(
        device?.inlineSize ?? Math.round(entry.contentRect.width * ratio),
        device?.blockSize ?? Math.round(entry.contentRect.height * ratio),
      );
    });
    try {
      observer.observe(canvas, { box: 'device-pixel-content-box' });
    } catch {
      // Safari knows no such box.
      observer.observe(canvas);
    }
    return () => observer.disconnect();
  }, [paint]);
  return <canvas ref={canvasRef} className={classes.canvas} aria-hidden />;
}

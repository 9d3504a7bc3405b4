import { dirname, relative } from 'node:path';
import type { Layer } from '@strata/backing-chain';

/** A QMP command as it is sent. */
export const qmp = (execute: string, args: Record<string, unknown>): string =>
  JSON.stringify({ execute, arguments: args });

/** How a header names the layer below: relative to the folder of the overlay (qemu-recipes.md, rule 1). */
export const backingName = (overlay: Layer, backing: Layer): string =>
  relative(dirname(overlay.path), backing.path);

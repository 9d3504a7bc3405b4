import { describe, expect, it } from 'vitest';
import { click, press, runOf } from './selection.ts';

const chain = ['active', 'c', 'b', 'a', 'base'];

describe('selecting layers', () => {
  it('takes one layer by a click, and lets it go by a second', () => {
    const one = click(chain, null, 'b', false);
    expect(runOf(chain, one)).toEqual({ upper: 2, lower: 2 });
    expect(click(chain, one, 'b', false)).toBeNull();
  });

  it('takes a contiguous run by shift and click, in either direction', () => {
    const one = click(chain, null, 'b', false);
    expect(runOf(chain, click(chain, one, 'base', true))).toEqual({ upper: 2, lower: 4 });
    expect(runOf(chain, click(chain, one, 'active', true))).toEqual({ upper: 0, lower: 2 });
  });

  it('begins anew at a plain click', () => {
    const run = click(chain, click(chain, null, 'c', false), 'a', true);
    expect(runOf(chain, click(chain, run, 'a', false))).toEqual({ upper: 3, lower: 3 });
  });

  it('walks by arrow keys and grows by shift and arrow, and stops at the ends', () => {
    let selection = press(chain, null, 'ArrowDown', false);
    expect(runOf(chain, selection)).toEqual({ upper: 0, lower: 0 });
    selection = press(chain, selection, 'ArrowDown', true);
    selection = press(chain, selection, 'ArrowDown', true);
    expect(runOf(chain, selection)).toEqual({ upper: 0, lower: 2 });
    expect(runOf(chain, press(chain, selection, 'ArrowUp', true))).toEqual({ upper: 0, lower: 1 });
    expect(runOf(chain, press(chain, selection, 'End', true))).toEqual({ upper: 0, lower: 4 });
    expect(runOf(chain, press(chain, { anchor: 'base', focus: 'base' }, 'ArrowDown', false))).toEqual({
      upper: 4,
      lower: 4,
    });
  });

  it('lets go at Escape and ignores other keys', () => {
    const selection = { anchor: 'b', focus: 'b' };
    expect(press(chain, selection, 'Escape', false)).toBeNull();
    expect(press(chain, selection, 'x', false)).toBe(selection);
  });

  it('is nothing any more when a merged layer was part of it', () => {
    const selection = { anchor: 'c', focus: 'a' };
    expect(runOf(['active', 'c', 'b', 'base'], selection)).toBeNull();
    expect(click(['active', 'base'], selection, 'base', true)).toEqual({ anchor: 'base', focus: 'base' });
  });
});

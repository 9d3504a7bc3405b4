import { describe, expect, it } from 'vitest';
import { assignColours, colourOf, earthColours } from './layer-colours.ts';

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe('the colours of layers', () => {
  it('stand out from the strip in dark and in light (WCAG 1.4.11: 3 to 1)', () => {
    for (const colour of earthColours) {
      expect(contrast(colour.dark, '#23272e'), colour.name).toBeGreaterThanOrEqual(3);
      expect(contrast(colour.light, '#f1f0ec'), colour.name).toBeGreaterThanOrEqual(3);
    }
  });

  it('give the base slate and each layer above a colour of its own', () => {
    const colours = assignColours(['active', 'c', 'b', 'base']);
    expect(colourOf(colours, 'base', 'dark')).toBe(earthColours[0]?.dark);
    expect(new Set(colours.values()).size).toBe(4);
  });

  it('differ between neighbours however long the chain', () => {
    const chain = Array.from({ length: 200 }, (_, index) => `layer${index}`);
    const colours = assignColours(chain);
    for (let index = 1; index < chain.length; index += 1) {
      expect(colours.get(chain[index] ?? '')).not.toBe(colours.get(chain[index - 1] ?? ''));
    }
  });

  it('stay with a layer when another one is merged away or a new one is put on top', () => {
    const before = assignColours(['active', 'c', 'b', 'base']);
    const after = assignColours(['new', 'active', 'c', 'base'], before);
    for (const id of ['active', 'c', 'base']) expect(after.get(id)).toBe(before.get(id));
    expect(after.get('new')).not.toBe(before.get('active'));
  });
});

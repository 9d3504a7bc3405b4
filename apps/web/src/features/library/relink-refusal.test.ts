import { describe, expect, it } from 'vitest';
import { relinkRefusal } from './relink-refusal.ts';

describe('pointing an image to a found backing', () => {
  it('needs nobody’s word for the lost file itself', () => {
    expect(relinkRefusal({ verdict: 'proven', impediment: null }, false)).toBeNull();
  });
  it('needs the word of a person for anything else', () => {
    expect(relinkRefusal({ verdict: 'likely', impediment: null }, false)).toMatch(/Nobody can prove/);
    expect(relinkRefusal({ verdict: 'unlikely', impediment: null }, true)).toBeNull();
  });
  it('is refused where the image could not stand on it, whoever vouches', () => {
    expect(relinkRefusal({ verdict: 'proven', impediment: 'It is written.' }, true)).toBe('It is written.');
    expect(relinkRefusal(null, true)).toMatch(/Choose/);
  });
});

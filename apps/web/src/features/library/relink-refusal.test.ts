import { describe, expect, it } from 'vitest';
import { relinkRefusal, soughtBy } from './relink-refusal.ts';

const lost = soughtBy('backing-missing');

describe('pointing an image to a found backing', () => {
  it('needs nobody’s word for the lost file itself', () => {
    expect(relinkRefusal({ verdict: 'proven', impediment: null }, false, lost)).toBeNull();
  });
  it('needs the word of a person for anything else', () => {
    expect(relinkRefusal({ verdict: 'likely', impediment: null }, false, lost)).toMatch(/Nobody can prove/);
    expect(relinkRefusal({ verdict: 'unlikely', impediment: null }, true, lost)).toBeNull();
  });
  it('speaks of a lost file only where one is lost', () => {
    const refusal = (problem: string) =>
      relinkRefusal({ verdict: 'likely', impediment: null }, false, soughtBy(problem));
    expect(refusal('backing-missing')).toMatch(/the lost file/);
    expect(refusal('backing-cycle')).toMatch(/what it stood on before/);
    expect(refusal('backing-outside')).not.toMatch(/lost/);
  });
  it('is refused where the image could not stand on it, whoever vouches', () => {
    expect(relinkRefusal({ verdict: 'proven', impediment: 'It is written.' }, true, lost)).toBe(
      'It is written.',
    );
    expect(relinkRefusal(null, true, lost)).toMatch(/Choose/);
  });
});

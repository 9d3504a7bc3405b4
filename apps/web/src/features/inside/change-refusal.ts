import type { Image, InsideSession } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';

/** Why nothing can be changed inside the image, as far as the page knows; the server looks once more. */
export function changeRefusal(
  image: Pick<Image, 'overlays' | 'usedBy' | 'format'>,
  session: Pick<InsideSession, 'tag'>,
): string | null {
  const { change } = words.inside;
  if (session.tag !== null) return change.tagRefusal;
  if (image.format !== 'qcow2' && image.format !== 'raw') return change.formatRefusal(image.format);
  if (image.overlays.length > 0) return change.standsRefusal;
  // A VM that is off does not use its disk, and this look itself is no obstacle.
  const users = image.usedBy.filter(({ kind }) => kind === 'export' || kind === 'operation');
  if (users.length > 0) return change.usedRefusal(users.map(({ name }) => visibleName(name)).join(', '));
  return null;
}

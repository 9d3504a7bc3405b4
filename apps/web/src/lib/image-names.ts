import type { Image } from '@strata/contract';

type Named = Pick<Image, 'id' | 'name' | 'path'>;

/**
 * What images are called where one has to be told from another, by id: the shown name, or, where several images
 * share one (all layers of a VM's disk do), the name of the file; with its folder where even that is not enough.
 */
export function imageNames(images: readonly Named[]): Readonly<Record<string, string>> {
  const shared = repeated(images, ({ name }) => name);
  const sharedFile = repeated(images, ({ path }) => tail(path, 1));
  return Object.fromEntries(
    images.map(({ id, name, path }) => {
      if (!shared.has(name)) return [id, name];
      return [id, tail(path, sharedFile.has(tail(path, 1)) ? 2 : 1)];
    }),
  );
}

function repeated(images: readonly Named[], nameOf: (image: Named) => string): ReadonlySet<string> {
  const once = new Set<string>();
  const again = new Set<string>();
  for (const name of images.map(nameOf)) (once.has(name) ? again : once).add(name);
  return again;
}

const tail = (path: string, parts: number) => path.split('/').slice(-parts).join('/');

import { describe, expect, it } from 'vitest';
import { imageNames } from './image-names.ts';

const names = (...images: [name: string, path: string][]) => [
  ...Object.values(imageNames(images.map(([name, path], index) => ({ id: String(index), name, path })))),
];

describe('the name an image is told apart by', () => {
  it('is its shown name as long as no other image has it', () => {
    expect(names(['base', '/i/b.qcow2'], ['web-7', '/i/web-7.qcow2'])).toEqual(['base', 'web-7']);
  });

  it('is the name of the file where several share the shown name', () => {
    expect(names(['web-7', '/i/web-7.qcow2'], ['base', '/i/b.raw'], ['web-7', '/i/web-7-2.qcow2'])).toEqual([
      'web-7.qcow2',
      'base',
      'web-7-2.qcow2',
    ]);
  });

  it('has the folder with it where the files are called the same, too', () => {
    expect(names(['disk', '/a/disk.raw'], ['disk', '/b/disk.raw'])).toEqual(['a/disk.raw', 'b/disk.raw']);
  });
});

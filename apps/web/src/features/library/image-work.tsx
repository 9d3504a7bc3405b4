import { Button, Menu } from '@mantine/core';
import type { Image } from '@strata/contract';
import { IconChevronDown } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedMenuItem } from '../../ui/reasoned-menu-item.tsx';
import { PromoteDialog } from '../branches/promote-dialog.tsx';
import { devicesQuery } from '../devices/devices-query.ts';
import { WriteDeviceDialog } from '../devices/write-device-dialog.tsx';
import { DownloadDialog } from '../exports/download-dialog.tsx';
import { ExportDialog } from '../exports/export-dialog.tsx';
import { CheckImageDialog } from './check-image-dialog.tsx';
import { ChecksumDialog } from './checksum-dialog.tsx';
import { CompactImageDialog, isCompactable } from './compact-image-dialog.tsx';
import { ConvertDialog } from './convert-dialog.tsx';
import { CopyImageDialog } from './copy-image-dialog.tsx';
import { ExtendDialog } from './extend-dialog.tsx';
import { MoveImageDialog } from './move-image-dialog.tsx';
import { RenameImageDialog } from './rename-image-dialog.tsx';
import { ResizeDialog } from './resize-dialog.tsx';
import { breakRefusal, useBreak } from './use-break.ts';

const works = [
  'copy',
  'convert',
  'rename',
  'move',
  'check',
  'checksum',
  'resize',
  'extend',
  'compact',
  'download',
  'export',
  'device',
  'promote',
] as const;
type Work = (typeof works)[number];

/** What can be done with the file of an image, beside its layers. */
export function ImageWork({ image }: { image: Image }) {
  const [work, setWork] = useState<Work | null>(null);
  const close = () => setWork(null);
  const { checksum, convert, resize } = words.imageChanges;
  const text = {
    ...words.copies.image,
    ...{ convert: convert.menu, checksum: checksum.menu, resize: resize.menu },
    extend: words.extend.menu,
    download: words.exports.download.menu,
    export: words.exports.menu,
    device: words.devices.write.menu,
  };
  const writesDevices =
    useQuery({ ...devicesQuery(), staleTime: Number.POSITIVE_INFINITY }).data?.writing.enabled === true;
  const broken = breakRefusal(useBreak(image));
  // The file by itself can be copied, renamed and checked, whatever it stands on.
  const refusals = {
    ...{ copy: null, rename: null, check: null, checksum: null },
    ...{
      convert: broken,
      move: broken,
      resize: broken,
      extend: broken,
      compact: broken,
      download: null,
      export: broken,
      device: broken,
      promote: broken,
    },
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
            {text.menu}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {works
            .filter((each) => each !== 'compact' || isCompactable(image))
            .filter((each) => each !== 'device' || writesDevices)
            .map((each) => (
              <ReasonedMenuItem
                key={each}
                reason={image.present ? refusals[each] : words.library.gone}
                onSelect={() => setWork(each)}
              >
                {text[each]}
              </ReasonedMenuItem>
            ))}
        </Menu.Dropdown>
      </Menu>
      {work === 'copy' ? <CopyImageDialog image={image} onClose={close} /> : null}
      {work === 'download' ? <DownloadDialog image={image} onClose={close} /> : null}
      {work === 'export' ? <ExportDialog image={image} onClose={close} /> : null}
      {work === 'device' ? <WriteDeviceDialog image={image} onClose={close} /> : null}
      {work === 'rename' ? <RenameImageDialog image={image} onClose={close} /> : null}
      {work === 'promote' ? <PromoteDialog image={image} onClose={close} /> : null}
      {work === 'compact' ? <CompactImageDialog image={image} onClose={close} /> : null}
      {work === 'move' ? <MoveImageDialog image={image} onClose={close} /> : null}
      {work === 'convert' ? <ConvertDialog image={image} onClose={close} /> : null}
      {work === 'resize' ? <ResizeDialog image={image} onClose={close} /> : null}
      {work === 'extend' ? <ExtendDialog image={image} onClose={close} /> : null}
      {work === 'checksum' ? <ChecksumDialog image={image} onClose={close} /> : null}
      {work === 'check' ? <CheckImageDialog image={image} onClose={close} /> : null}
    </>
  );
}
